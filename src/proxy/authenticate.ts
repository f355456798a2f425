// Request headers → caller. Knows the master key; virtual keys, budgets and limits come later.
import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Secret } from "../config/secret.ts";
import { GatewayError } from "../errors.ts";
import { headerValue } from "./headers.ts";

/** Who sent the request. */
export interface Caller {
	/** Namespaces session ids, so that tenants cannot meet in one session. */
	readonly id: string;
}

export type Authenticate = (headers: IncomingHttpHeaders) => Caller;

/**
 * Checks a request's key in constant time. Order of the headers as in LiteLLM: `x-litellm-api-key`, `authorization: Bearer`,
 * `api-key`, `x-api-key`. Without a master key every caller is let in (the listener then stands on loopback only).
 * Throws missing_credentials or invalid_credentials.
 */
export function createAuthenticate(masterKey: Secret | null): Authenticate {
	if (masterKey === null) {
		const local: Caller = { id: "local" };
		return () => local;
	}
	const expected = digest(masterKey.reveal());
	const master: Caller = { id: "master" };
	return (headers) => {
		const key = presentedKey(headers);
		if (key === null) throw new GatewayError("missing_credentials");
		if (!timingSafeEqual(digest(key), expected)) throw new GatewayError("invalid_credentials");
		return master;
	};
}

function presentedKey(headers: IncomingHttpHeaders): string | null {
	const own = headerValue(headers, "x-litellm-api-key");
	if (own !== null && own !== "") return own.replace(/^Bearer\s+/i, "");
	const bearer = /^Bearer\s+(\S.*)$/i.exec(headerValue(headers, "authorization") ?? "")?.[1];
	if (bearer !== undefined) return bearer.trim();
	const key = headerValue(headers, "api-key") ?? headerValue(headers, "x-api-key");
	return key === "" ? null : key;
}

function digest(key: string): Buffer {
	return hash("sha256", key, "buffer");
}
