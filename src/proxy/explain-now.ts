// The decision that a body would get now, asked for by the control plane in the name of any key. Sends nothing, learns nothing.
import type { Directory } from "../access/directory.ts";
import { GatewayError } from "../errors.ts";
import { describe, MASTER } from "./admission/authenticate.ts";
import { askedBy, permitted } from "./admission/permitted.ts";
import { outlineAsSent } from "./as-sent.ts";
import { type ExplainedDecision, explainDecision } from "./explain.ts";
import type { Serving } from "./handler.ts";
import { routeRequest } from "./request.ts";

/** A body of POST /v1/messages and who would send it. */
export interface Question {
	readonly body: Buffer;
	/** Names in lower case; session, agent and betas count. */
	readonly headers: Readonly<Record<string, string>>;
	/** Keyed hash of the virtual key whose conversations it may belong to; null = the master key. */
	readonly keyHash: string | null;
}

/** Throws what the request itself would be refused with, and record_not_found for an unknown key. */
export function explainNow(
	{ body, headers, keyHash }: Question,
	serving: Serving & { readonly directory: Directory },
): ExplainedDecision {
	const { config, router, directory } = serving;
	if (body.length > config.limits.maxBodyBytes) {
		throw new GatewayError("body_too_large", { limit: config.limits.maxBodyBytes });
	}
	const key = keyHash === null ? null : directory.keyByHash(keyHash);
	if (key === undefined) throw new GatewayError("record_not_found", { kind: "key", id: keyHash ?? "" });
	const caller = key === null ? MASTER : describe(key, directory);
	const read = outlineAsSent(body, { caller, agent: headers["user-agent"] ?? "" }, serving);
	const outlined = permitted(read, caller, serving);
	const sender = { operation: "messages", session: null, request: { headers } } as const;
	const about = askedBy(sender, caller, { admission: serving.admission, outline: outlined });
	return explainDecision(router.plan(routeRequest(about, outlined.model, serving), serving.now()));
}
