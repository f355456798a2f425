// Calls as proxy/upstream/dispatch makes them, from JSON text, and deployments as the configuration gives them.
import { PLAIN_DEPLOYMENT } from "../../config/__fixtures__/defaults.ts";
import type { DeploymentConfig, DeploymentCredentials, ProviderKind } from "../../config/schema.ts";
import type { BodyMembers } from "../../protocol/members.ts";
import { membersAt } from "../../protocol/walk.ts";
import type { Call, UpstreamRequest } from "../provider.ts";

/** What prompt/outline finds of `body`'s members. */
function membersOf(body: Buffer): BodyMembers {
	const found = membersAt(body, 0);
	const named = (name: string) => {
		const member = found.find((each) => each.name === name);
		return member === undefined ? null : { keyStart: member.keyStart, start: member.start, end: member.end };
	};
	return {
		model: named("model"),
		stream: named("stream"),
		anthropicVersion: named("anthropic_version"),
		anthropicBeta: named("anthropic_beta"),
		all: found.flatMap(({ keyStart, start, end }) => [keyStart, start, end]),
	};
}

/** A call whose body is `text`. */
export function callOf(text: string, changes: Partial<Call> = {}): Call {
	const body = Buffer.from(text);
	return {
		operation: "messages",
		query: "",
		body,
		members: membersOf(body),
		stream: false,
		model: "claude-opus-5-5",
		betas: [],
		headers: ["anthropic-version", "2023-06-01", "content-type", "application/json", "x-claude-code-session-id", "s"],
		source: { format: "anthropic", body },
		...changes,
	};
}

/** A deployment of this provider with these credentials. */
export function deploymentOf(
	provider: ProviderKind,
	credentials: Partial<DeploymentCredentials>,
	changes: Partial<DeploymentConfig> = {},
): DeploymentConfig {
	return {
		...PLAIN_DEPLOYMENT,
		id: "test",
		group: "group",
		provider,
		upstreamModel: "claude-opus-5-5",
		credentials: { apiKey: null, apiBase: null, extra: {}, ...credentials },
		...changes,
	};
}

/** Headers of a request by lower-case name. */
export function headersOf({ headers }: UpstreamRequest): Record<string, string> {
	const found: Record<string, string> = {};
	for (let i = 0; i + 1 < headers.length; i += 2) found[(headers[i] ?? "").toLowerCase()] = headers[i + 1] ?? "";
	return found;
}
