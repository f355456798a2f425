// Who shares a cache on Bedrock: an account, and inside it the serving region or profile of an endpoint (prompt-caching §1, providers §4).
// Leaves learning the account to aws-account.
import type { UpstreamIdentity } from "./provider.ts";

/** invoke: InvokeModel · messages: the Messages API on the runtime · mantle: the Messages API on the endpoint of that name. */
export type BedrockApi = "invoke" | "messages" | "mantle";

const PROFILE = /^([a-z]{2,6}(?:-[a-z]+)?)\.anthropic\./;
const ARN = /^arn:aws[\w-]*:bedrock:([\w-]*):(\d{12})?:([\w-]+)/;

/** Where in its account a model's cache is. `address` is the configured endpoint. */
export function cachePlace(about: {
	readonly model: string;
	readonly region: string | null;
	readonly endpoint: "runtime" | "mantle";
	readonly address: string | null;
}): Pick<UpstreamIdentity, "workspace" | "probabilistic"> {
	const { model, endpoint, address } = about;
	const [, arnRegion, , resource] = ARN.exec(model) ?? [];
	const profile = PROFILE.exec(model.slice(model.lastIndexOf("/") + 1))?.[1];
	const place = profile ?? arnRegion ?? about.region ?? "unknown";
	// An address that is not AWS's own says nothing of who else is behind it.
	const host =
		address === null || /\.(amazonaws\.com(\.cn)?|api\.aws)$/.test(new URL(address).hostname)
			? ""
			: `@${new URL(address).host}`;
	return {
		workspace: `${endpoint}/${place}${host}`,
		probabilistic: profile !== undefined || /inference-profile$/.test(resource ?? ""),
	};
}

/** Long-lived Bedrock keys hold their account: `ABSK` and base64 of `BedrockAPIKey-…-at-123456789012:…`. */
export function accountOfKey(key: string | null): string | null {
	if (key === null || !key.startsWith("ABSK")) return null;
	const text = Buffer.from(key.slice(4), "base64").toString("latin1");
	return /-at-(\d{12})(?::|$)/.exec(text)?.[1] ?? null;
}

/** An ARN names the account whose resource it is. */
export function accountOfModel(model: string): string | null {
	return ARN.exec(model)?.[2] ?? null;
}
