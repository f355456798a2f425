// The decision that a body would get now: for POST /route/explain, and for the control plane in the name of any key. Sends nothing, learns
// nothing.
import type { Directory } from "../access/directory.ts";
import { GatewayError } from "../errors.ts";
import { describe, MASTER } from "./admission/authenticate.ts";
import { type ExplainedDecision, explainDecision } from "./explain.ts";
import { type PrepareDeps, prepareQuestion } from "./prepare.ts";
import { type Asked, routeRequest } from "./request.ts";
import type { DispatchDeps } from "./upstream/run-candidate.ts";

type DecisionDeps = Pick<DispatchDeps, "config" | "router" | "now">;

/** A body of POST /v1/messages and who would send it. */
export interface Question {
	readonly body: Buffer;
	/** Names in lower case; session, agent and betas count. */
	readonly headers: Readonly<Record<string, string>>;
	/** Keyed hash of the virtual key whose conversations it may belong to; null = the master key. */
	readonly keyHash: string | null;
}

/** What the router would decide for a request that is prepared. */
export function decisionNow(asked: Asked, deps: DecisionDeps): ExplainedDecision {
	return explainDecision(deps.router.plan(routeRequest(asked, asked.outline.model, deps), deps.now()));
}

/** Throws what the request itself would be refused with, and record_not_found for an unknown key. */
export function explainNow(
	{ body, headers, keyHash }: Question,
	deps: DecisionDeps & PrepareDeps & { readonly directory: Directory },
): ExplainedDecision {
	const { config, directory } = deps;
	if (body.length > config.limits.maxBodyBytes) {
		throw new GatewayError("body_too_large", { limit: config.limits.maxBodyBytes });
	}
	const key = keyHash === null ? null : directory.keyByHash(keyHash);
	if (key === undefined) throw new GatewayError("record_not_found", { kind: "key", id: keyHash ?? "" });
	const caller = key === null ? MASTER : describe(key, directory);
	return decisionNow(prepareQuestion(body, { caller, headers }, deps), deps);
}
