// What comes into the control plane as text: bodies, paths and queries that every reader and both databases can hold. Leaves what the
// fields mean to the endpoints.
import type { Context, MiddlewareHandler } from "hono";
import { GatewayError } from "../../errors.ts";

/** Forms and keys are flat; what is deeper overflows whatever walks over it. */
const MOST_DEPTH = 64;

/** A JSON object; anything else is refused. An empty body is an empty object. Throws invalid_field. */
export async function bodyOf(c: Context): Promise<Record<string, unknown>> {
	const text = decoded(await c.req.arrayBuffer());
	if (text.trim() === "") return {};
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw refused("body", "Send one JSON object.");
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw refused("body", "Send one JSON object.");
	refuseUnstorable(value, "", 1);
	return value as Record<string, unknown>;
}

/** Refuses paths and queries with text that no database can be asked for. */
export const refuseUnstorableUrls: MiddlewareHandler = async (c, next) => {
	const url = new URL(c.req.url);
	checkEscaped(url.pathname, "path");
	for (const pair of url.search.slice(1).split("&")) {
		const [name = ""] = pair.split("=", 1);
		checkEscaped(pair, /^[\w.-]{1,64}$/.test(name) ? name : "query");
	}
	await next();
};

function decoded(bytes: ArrayBuffer): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		throw refused("body", "is not valid UTF-8");
	}
}

/** Every text in it, names of members too; and what is nested too deeply. */
function refuseUnstorable(value: unknown, path: string, depth: number): void {
	if (typeof value === "string") {
		if (!isStorable(value)) throw refused(path === "" ? "body" : path, UNSTORABLE);
	} else if (typeof value === "object" && value !== null) {
		if (depth > MOST_DEPTH) throw refused("body", `is nested more than ${MOST_DEPTH} levels deep`);
		for (const [name, member] of Object.entries(value)) {
			if (!isStorable(name)) throw refused(path === "" ? "body" : path, UNSTORABLE);
			refuseUnstorable(member, path === "" ? name : `${path}.${name}`, depth + 1);
		}
	}
}

const UNSTORABLE = "holds a NUL character or half of a character";

/** Postgres takes no NUL, and no UTF-8 has halves of surrogate pairs. */
function isStorable(text: string): boolean {
	return !text.includes("\0") && !/\p{Surrogate}/u.test(text);
}

/** `%` that begins no escape stands for itself, as browsers read it. */
function checkEscaped(text: string, field: string): void {
	const escapes = text.match(/(%[0-9a-f]{2})+/gi) ?? [];
	for (const run of escapes) {
		let plain: string;
		try {
			plain = decodeURIComponent(run);
		} catch {
			throw refused(field, "is not valid UTF-8");
		}
		if (plain.includes("\0")) throw refused(field, UNSTORABLE);
	}
}

function refused(field: string, reason: string): GatewayError {
	return new GatewayError("invalid_field", { field, reason });
}
