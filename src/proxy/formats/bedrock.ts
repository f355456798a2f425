// Bedrock's InvokeModel as a client format: model and streaming stand in the URL, answers come in AWS frames, errors in AWS's words. The
// body between is the Messages API's own and is never touched. Framing itself is protocol/eventstream's.

import type { Config } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import type { AnswerEvent } from "../../protocol/answer-event.ts";
import { readError, statusOfErrorType } from "../../protocol/anthropic.ts";
import { EVENT_STREAM_TYPE, encodeChunk, encodeException } from "../../protocol/eventstream.ts";
import { jsonText } from "../../protocol/json-text.ts";
import { type Usage, UsageReader } from "../../protocol/usage.ts";
import type {
	AnswerContext,
	AnswerEncoder,
	CanonicalRequest,
	CheckBody,
	ClientError,
	ClientFormat,
	RequestTarget,
} from "./format.ts";

/** AWS's name and status for a canonical status (Bedrock's API reference, InvokeModel, Errors). */
const EXCEPTIONS: Readonly<Record<number, { readonly name: string; readonly status: number }>> = {
	401: { name: "AccessDeniedException", status: 403 },
	402: { name: "AccessDeniedException", status: 403 },
	403: { name: "AccessDeniedException", status: 403 },
	404: { name: "ResourceNotFoundException", status: 404 },
	408: { name: "ModelTimeoutException", status: 408 },
	429: { name: "ThrottlingException", status: 429 },
	503: { name: "ServiceUnavailableException", status: 503 },
	504: { name: "ModelTimeoutException", status: 408 },
	529: { name: "ServiceUnavailableException", status: 503 },
};

/** Of InvokeModel's body, what counting does not take. */
const NOT_COUNTED: ReadonlySet<string> = new Set(
	"max_tokens metadata service_tier stop_sequences stream temperature top_k top_p".split(" "),
);

/** A stream that shows nothing for so long may be taken for dead on its way, ms. */
const LONG_SILENCE_MS = 10_000;
const NOTHING = Buffer.alloc(0);

export const bedrockFormat: ClientFormat = {
	name: "bedrock",
	read: readRequest,
	keepsBody: true,
	relaysErrors: false,
	platform: "bedrock",
	error: (error) => {
		const { name, status } = exceptionOf(error);
		return {
			status,
			headers: { "content-type": "application/json", "x-amzn-errortype": name, "x-amzn-requestid": error.requestId },
			body: Buffer.from(JSON.stringify({ message: error.message })),
		};
	},
	errorEvent: (error) => {
		const { name } = exceptionOf(error);
		return encodeException(name.charAt(0).toLowerCase() + name.slice(1), error.message);
	},
};

/** The exceptions of an event stream are a subset: what has no name there is the server's fault. */
function exceptionOf({ status }: ClientError): { readonly name: string; readonly status: number } {
	const known = EXCEPTIONS[status];
	if (known !== undefined) return known;
	return { name: status < 500 ? "ValidationException" : "InternalServerException", status };
}

function readRequest(
	body: Buffer,
	{ operation, given }: RequestTarget,
	_config: Config,
	check: CheckBody,
): CanonicalRequest {
	if (operation === "messages") return { body, given, answer: (about) => new InvokeEncoder(about) };
	return { body: countedBody(body, check), given, answer: () => new CountEncoder() };
}

/** `{"input":{"invokeModel":{"body":BASE64}}}` → the body to count. Throws GatewayError invalid_field, and as `check` does. */
function countedBody(body: Buffer, check: CheckBody): Buffer {
	const encoded = member(member(member(parsed(body.toString("utf8")), "input"), "invokeModel"), "body");
	if (typeof encoded !== "string") {
		const reason = "Field required: the gateway counts requests of InvokeModel, a base64 text";
		throw new GatewayError("invalid_field", { field: "input.invokeModel.body", reason });
	}
	const inner = Buffer.from(encoded, "base64");
	check(inner);
	const sent = Object.entries(parsed(inner.toString("utf8")) as Record<string, unknown>);
	return Buffer.from(jsonText(Object.fromEntries(sent.filter(([name]) => !NOT_COUNTED.has(name)))));
}

/** InvokeModel's answers: the same JSON with its counts in the head, or each event in a frame and the counts in the last one. */
class InvokeEncoder implements AnswerEncoder {
	readonly #about: AnswerContext;
	readonly #usage = new UsageReader();
	#firstAt: number | null = null;
	/** When the last frame went out. */
	#lastAt: number | null = null;

	constructor(about: AnswerContext) {
		this.#about = about;
	}

	headers(streaming: boolean): Readonly<Record<string, string>> {
		const head = { "x-amzn-requestid": this.#about.requestId };
		if (!streaming) return { "content-type": "application/json", ...head };
		return { "content-type": EVENT_STREAM_TYPE, "x-amzn-bedrock-content-type": "application/json", ...head };
	}

	event(event: AnswerEvent): Buffer {
		const { name, text } = event;
		const now = this.#about.now();
		// Before the message has begun, clients take a ping for a fault.
		const silentMs = this.#lastAt === null ? 0 : now - this.#lastAt;
		// Bedrock sends no pings (providers §4): one goes on only where the stream would otherwise be silent for long.
		if (name === "ping" && silentMs < LONG_SILENCE_MS) return NOTHING;
		// A comment: clients take a frame without an event for a fault.
		if (text === "") return NOTHING;
		this.#lastAt = now;
		this.#usage.read(event);
		this.#firstAt ??= now;
		if (name === "error") return errorFrame(text);
		return encodeChunk(name === "message_stop" ? this.#withMetrics(text) : text);
	}

	end(): Buffer {
		return NOTHING;
	}

	body(json: Buffer): Buffer {
		this.#usage.body(json);
		return json;
	}

	bodyHeaders(): Readonly<Record<string, string>> {
		const latency = { "x-amzn-bedrock-invocation-latency": String(this.#latency(this.#about.now())) };
		const usage = this.#usage.usage;
		if (usage === null) return latency;
		return {
			...latency,
			"x-amzn-bedrock-input-token-count": String(usage.inputTokens),
			"x-amzn-bedrock-output-token-count": String(usage.outputTokens),
			"x-amzn-bedrock-cache-read-input-token-count": String(usage.cacheReadTokens),
			"x-amzn-bedrock-cache-write-input-token-count": String(usage.cacheWriteTokens),
		};
	}

	ping(): Buffer {
		return encodeChunk('{"type":"ping"}');
	}

	/** An upstream on Bedrock has said them itself. */
	#withMetrics(data: string): string {
		const end = data.lastIndexOf("}");
		if (end === -1 || data.includes('"amazon-bedrock-invocationMetrics"')) return data;
		const metrics = {
			...metricsOf(this.#usage.usage),
			invocationLatency: this.#latency(this.#about.now()),
			firstByteLatency: this.#latency(this.#firstAt ?? this.#about.now()),
		};
		return `${data.slice(0, end)},"amazon-bedrock-invocationMetrics":${JSON.stringify(metrics)}}`;
	}

	#latency(at: number): number {
		return Math.max(0, Math.round(at - this.#about.startedAt));
	}
}

/** CountTokens' answer. */
class CountEncoder implements AnswerEncoder {
	headers(): Readonly<Record<string, string>> {
		return { "content-type": "application/json" };
	}

	event(): Buffer {
		return NOTHING;
	}

	end(): Buffer {
		return NOTHING;
	}

	body(json: Buffer): Buffer {
		const count = member(parsed(json.toString("utf8")), "input_tokens");
		return Buffer.from(JSON.stringify({ inputTokens: typeof count === "number" ? count : 0 }));
	}

	ping(): null {
		return null;
	}
}

function metricsOf(usage: Usage | null): Readonly<Record<string, number>> {
	if (usage === null) return {};
	return {
		inputTokenCount: usage.inputTokens,
		outputTokenCount: usage.outputTokens,
		cacheReadInputTokenCount: usage.cacheReadTokens,
		cacheWriteInputTokenCount: usage.cacheWriteTokens,
	};
}

/** An upstream's `error` event. */
function errorFrame(data: string): Buffer {
	const { type, message } = readError(data) ?? { type: "api_error", message: "" };
	return bedrockFormat.errorEvent({ status: statusOfErrorType(type), type, message, requestId: "" });
}

function member(value: unknown, name: string): unknown {
	return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
