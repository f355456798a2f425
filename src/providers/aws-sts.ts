// Whose AWS credentials are: one call to STS. Leaves getting credentials to aws-credentials.
import type { AwsCredentials } from "./aws-account.ts";
import { createSigner } from "./aws-signature.ts";

const TIMEOUT_MS = 10_000;
const FORM = "Action=GetCallerIdentity&Version=2011-06-15";

/** STS's public address for a region. */
export function stsEndpoint(region: string): string {
	return `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/** Host of an address, without its port. */
export function hostOf(address: string): string {
	return new URL(address).hostname;
}

/** The account's twelve digits; null when STS does not say. Rejects when it cannot be reached. */
export async function whoseAreThey(
	credentials: AwsCredentials,
	{ region, endpoint }: { readonly region: string; readonly endpoint: string },
): Promise<string | null> {
	const { host, pathname } = new URL(endpoint);
	const form = { "content-type": "application/x-www-form-urlencoded" };
	const request = {
		method: "POST" as const,
		host,
		path: pathname,
		query: "",
		headers: { host, ...form },
		body: Buffer.from(FORM),
	};
	const headers = await createSigner("sts", region).sign(request, credentials, new Date());
	const { host: _host, ...sent } = headers;
	const signal = AbortSignal.timeout(TIMEOUT_MS);
	const answer = await fetch(endpoint, { method: "POST", headers: sent, body: FORM, signal });
	if (!answer.ok) return null;
	// XML or JSON, as STS likes; the account stands in both as twelve digits behind its name.
	return /Account"?\s*[:>]\s*"?(\d{12})\b/.exec(await answer.text())?.[1] ?? null;
}
