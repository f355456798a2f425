// The seam of client formats: what a client of one API sends and how it wants its answer. Inside, the gateway speaks canonical Messages;
// which path belongs to which format is proxy/routes' business.
import type { Config } from "../../config/schema.ts";
import type { Given } from "../../prompt/outline.ts";
import type { AnswerEvent } from "../../protocol/answer-event.ts";
import type { ClientFormatName, Operation } from "../../providers/provider.ts";

/** What a URL asks for, besides its body. */
export interface RequestTarget {
	readonly operation: Operation;
	/** Model and streaming where the URL says them; absent where the body does. */
	readonly given: Given | undefined;
	/** Of `passthrough`: OpenAI's path, `/embeddings`. */
	readonly path?: string;
	/** The client's own credential pays: the configuration marks nothing for it. Default false. */
	readonly ownCredential?: boolean;
}

/** Throws as `checkBody` (prompt/top-level) does for a body that nobody should parse. */
export type CheckBody = (body: Buffer) => void;

/** One client request in canonical form. */
export interface CanonicalRequest {
	/** As on POST /v1/messages; what `given` says may be missing. */
	readonly body: Buffer;
	readonly given: Given | undefined;
	/** `cache_control_injection_points` are applied: their positions mean the client's own list. Default false. */
	readonly pointsApplied?: boolean;
	/** What the client calls the conversation, where its format has a member for it; a session header wins. */
	readonly session?: string | null;
	/** Makes the encoder of this request's answer, from what the request asked for; null = canonical bytes are its answer. */
	readonly answer: ((about: AnswerContext) => AnswerEncoder) | null;
}

/** One answer that begins. */
export interface AnswerContext {
	readonly requestId: string;
	/** When the request came, ms since epoch. */
	readonly startedAt: number;
	readonly now: () => number;
}

/** Turns one successful canonical answer into the client's format: events as they come, or a whole body. Never throws. */
export interface AnswerEncoder {
	/** What the head says of the form: `content-type` and what else belongs to it. Replaces the upstream's headers of the same names. */
	headers(streaming: boolean): Readonly<Record<string, string>>;
	/** One whole canonical event; what goes to the client for it, maybe nothing. */
	event(event: AnswerEvent): Buffer;
	/** After the last event. */
	end(): Buffer;
	/** A whole answer that was not streamed. */
	body(json: Buffer): Buffer;
	/** Headers that describe a whole answer; asked for after `body`. */
	bodyHeaders?(): Readonly<Record<string, string>>;
	/** What keeps an idle stream alive; null = the format has nothing for it. */
	ping(): Buffer | null;
}

/** A failure, whoever it comes from, in canonical words. */
export interface ClientError {
	/** The Messages API's status for it. */
	readonly status: number;
	/** `error.type` of the Messages API. */
	readonly type: string;
	readonly message: string;
	readonly requestId: string;
}

/** A failure as a client of the format expects it. */
export interface ErrorAnswer {
	readonly status: number;
	/** `content-type` and what else of the head belongs to the format. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer;
}

/** One format. Holds no state: everything of one request lies in its `CanonicalRequest`. */
export interface ClientFormat {
	readonly name: ClientFormatName;
	/**
	 * A request in canonical form; null = the body is canonical as it came and so is its answer. What the models behind a name understand
	 * is in `config`. The body was checked, unless it is kept; `check` is for one inside of it. Throws GatewayError when it cannot be one.
	 */
	readonly read: ((body: Buffer, target: RequestTarget, config: Config, check: CheckBody) => CanonicalRequest) | null;
	/** Whether `read` gives the body of a message request back as it came, the very same bytes. Default: it makes another one. */
	readonly keepsBody?: boolean;
	/** Whether an upstream's error in the Messages API's form is what clients expect, so that it goes through byte for byte. */
	readonly relaysErrors: boolean;
	/** An answer that failed before it began. */
	error(error: ClientError): ErrorAnswer;
	/** What ends a stream that broke after it had begun. */
	errorEvent(error: ClientError): Buffer;
	/** Whose model ids clients use; null = names of the configuration only. */
	readonly platform: "bedrock" | "vertex" | null;
}
