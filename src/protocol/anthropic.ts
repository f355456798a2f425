// The Anthropic Messages API's wire forms that the gateway itself writes: error envelope, error event, model list. Leaves relaying to proxy.

/** Body of an error answer (providers §2). */
export function errorBody(type: string, message: string, requestId: string): Buffer {
	return Buffer.from(JSON.stringify({ type: "error", error: { type, message }, request_id: requestId }));
}

/** The stream event that ends an answer which has already begun (providers §2, routing-model §6). */
export function errorEvent(type: string, message: string, requestId: string): Buffer {
	const data = JSON.stringify({ type: "error", error: { type, message }, request_id: requestId });
	return Buffer.from(`event: error\ndata: ${data}\n\n`);
}

/** What an error body, or the data of an `error` event, says (providers §2). */
export interface ReadError {
	readonly type: string;
	readonly message: string;
	/** `error.details.error_code`, or null. */
	readonly code: string | null;
}

/** Reads an error body or an `error` event's data; null when it has neither form. */
export function readError(text: string): ReadError | null {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return null;
	}
	const error = member(value, "error");
	const type = member(error, "type");
	if (typeof type !== "string") return null;
	const message = member(error, "message");
	const code = member(member(error, "details"), "error_code");
	return {
		type,
		message: typeof message === "string" ? message : "",
		code: typeof code === "string" ? code : null,
	};
}

function member(value: unknown, name: string): unknown {
	return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** HTTP status that stands for an `error.type`, for error events inside a 200 (providers §2). */
export function statusOfErrorType(type: string): number {
	switch (type) {
		case "invalid_request_error":
			return 400;
		case "authentication_error":
			return 401;
		case "billing_error":
			return 402;
		case "permission_error":
			return 403;
		case "not_found_error":
			return 404;
		case "request_too_large":
			return 413;
		case "rate_limit_error":
			return 429;
		case "timeout_error":
			return 504;
		case "overloaded_error":
			return 529;
		default:
			return 500;
	}
}

/** Events that show the answer has begun: from here on no other deployment may take over (routing-model §6). */
export function beginsContent(event: string): boolean {
	switch (event) {
		case "content_block_start":
		case "content_block_delta":
		case "content_block_stop":
		case "message_delta":
		case "message_stop":
			return true;
		default:
			return false;
	}
}

/** One entry of GET /v1/models. Carries OpenAI's fields too, so that both kinds of client can read it. */
export interface ModelEntry {
	readonly type: "model";
	readonly id: string;
	readonly display_name: string;
	readonly created_at: string;
	readonly object: "model";
	readonly created: number;
	readonly owned_by: string;
}

/** What is known of a name: nothing but the name. */
export function modelEntry(id: string): ModelEntry {
	return {
		type: "model",
		id,
		display_name: id,
		created_at: "1970-01-01T00:00:00Z",
		object: "model",
		created: 0,
		owned_by: "warmpath",
	};
}

/** A page of GET /v1/models (providers §3). */
export interface ModelPage {
	readonly object: "list";
	readonly data: readonly ModelEntry[];
	readonly has_more: boolean;
	readonly first_id: string | null;
	readonly last_id: string | null;
}

/** Cuts a page out of all model ids. `limit` 1..1000; `afterId`/`beforeId` as in the Models API; an unknown cursor gives an empty page. */
export function modelPage(
	ids: readonly string[],
	options: { readonly limit: number; readonly afterId: string | null; readonly beforeId: string | null },
): ModelPage {
	let from = 0;
	let to = ids.length;
	if (options.afterId !== null) from = cursor(ids, options.afterId) + 1;
	if (options.beforeId !== null) {
		to = cursor(ids, options.beforeId);
		from = Math.max(from, to - options.limit);
	}
	const page = ids.slice(from, Math.min(to, from + options.limit));
	return {
		object: "list",
		data: page.map(modelEntry),
		has_more: options.beforeId === null ? from + page.length < to : from > 0,
		first_id: page[0] ?? null,
		last_id: page.at(-1) ?? null,
	};
}

function cursor(ids: readonly string[], id: string): number {
	const at = ids.indexOf(id);
	return at === -1 ? ids.length : at;
}
