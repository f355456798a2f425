// Who sent a request to an AWS endpoint: by signature or by API key. Leaves keys to aws/accounts.ts, caches to the dialects.
import type { Caller, Visit } from "../dialect.ts";
import { keysOf } from "../dialects/messages.ts";
import type { AwsAccount } from "./accounts.ts";
import { isSigned, refusal } from "./signature.ts";

/** A caller whose account and source Region are known. */
export interface AwsCaller extends Caller {
	readonly account: AwsAccount;
	readonly region: string;
}

/** The account and Region of a request. Throws AWS's 403 for a wrong signature, an unknown key, or none. */
export function authenticateAws(
	visit: Visit,
	door: { readonly services: readonly string[]; readonly key: "bedrock" | "platform" },
): { readonly account: AwsAccount; readonly region: string } {
	const { world, only, request, route, body } = visit;
	const keys = keysOf(request);
	if (isSigned(request.headers) || keys.length === 0) {
		const signed = { method: request.method ?? "POST", target: request.url ?? "/", headers: request.headers, body };
		return world.aws.identifySigned(signed, { services: door.services, region: route.region, only });
	}
	const account = world.aws.all.find((candidate) =>
		keys.includes(door.key === "bedrock" ? candidate.apiKey : candidate.platformApiKey),
	);
	if (account === undefined || (only !== null && only !== account)) {
		throw refusal("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.");
	}
	return { account, region: route.region ?? account.region };
}
