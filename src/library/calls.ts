// A program's calls on their way through the data plane: the same steps as over HTTP, with a request and an answer in memory. Leaves which
// calls there are to model-calls.ts.
import { GatewayError } from "../errors.ts";
import type { OpenGateway } from "../gateway.ts";
import { LIBRARY } from "../proxy/admission/authenticate.ts";
import { MAX_WHOLE } from "../proxy/answer/encoding.ts";
import { unpacked } from "../proxy/codings.ts";
import type { Exchange } from "../proxy/exchange.ts";
import { begin, run, type Serving } from "../proxy/handler.ts";
import { type Route, routeOf } from "../proxy/routes.ts";
import { callError, readErrorBody, streamError } from "./call-error.ts";
import { type CallResponseHead, MemoryRequest, MemoryResponse } from "./connection.ts";
import { decisionOf, decisionOfAnswer, requestIdOf, type WithDecision, withDecision } from "./decision.ts";
import { type EventStream, eventStream } from "./event-stream.ts";
import type { InFlight } from "./in-flight.ts";
import type { CallOptions, CallTransport } from "./model-calls.ts";

/** One call that has been answered: a head, and a body that is coming. */
interface Answered {
	readonly exchange: Exchange;
	readonly response: MemoryResponse;
	readonly head: CallResponseHead;
	readonly signal: AbortSignal | null;
	/** Everything of the request is over, its record included. */
	readonly done: Promise<void>;
}

/** Sends calls through what is open. */
export class Calls implements CallTransport {
	readonly #open: Pick<OpenGateway, "serving">;
	readonly #inFlight: InFlight;
	#serving: { readonly given: Serving; readonly own: Serving } | null = null;

	constructor(open: Pick<OpenGateway, "serving">, inFlight: InFlight) {
		this.#open = open;
		this.#inFlight = inFlight;
	}

	/** Rejects with CallError, or the signal's reason. */
	async answer<Answer extends object>(path: string, body: object, options: CallOptions): Promise<WithDecision<Answer>> {
		const answered = await this.#send(path, body, options);
		const answer = JSON.parse(await bodyOf(answered)) as Answer;
		await answered.done;
		return withDecision(answer, decisionOfAnswer(answered.exchange, answered.head));
	}

	/** The answer's events. Resolves at its first content; rejects as `answer` does. */
	async stream<Event>(path: string, body: object, options: CallOptions): Promise<EventStream<Event>> {
		const { exchange, head, response, signal, done } = await this.#send(path, body, options);
		const about = () => ({
			requestId: requestIdOf(head),
			headers: head.headers,
			decision: decisionOf(exchange, head),
		});
		return eventStream<Event>({
			response,
			signal,
			done,
			decision: () => decisionOfAnswer(exchange, head),
			fail: (error, said) => streamError(error, { ...about(), body: said }),
		});
	}

	async ask<Answer>(path: string, body: object, options: CallOptions): Promise<Answer> {
		return JSON.parse(await bodyOf(await this.#send(path, body, options))) as Answer;
	}

	/** Resolves when there is a head that is no error. */
	async #send(path: string, body: object, options: CallOptions): Promise<Answered> {
		const { signal = null } = options;
		signal?.throwIfAborted();
		if (this.#inFlight.closed) throw shuttingDown();
		const bytes = Buffer.from(JSON.stringify(body));
		const headers = headersOf(options, bytes.length);
		const request = new MemoryRequest({ method: "POST", url: path, headers }, bytes);
		const response = new MemoryResponse();
		const release = this.#inFlight.add(response, signal);
		const about = { route: routeFor(path), serving: this.#ownServing() };
		const exchange = begin(request, response, about);
		const done = run(exchange, about).finally(release);
		const answered = { exchange, response, signal, done, head: await headOf(response, signal) };
		if (answered.head.status >= 300) throw await errorOf(answered);
		return answered;
	}

	/** What every request is served with, but that the program itself needs no key. */
	#ownServing(): Serving {
		const given = this.#open.serving();
		if (this.#serving?.given !== given) this.#serving = { given, own: { ...given, authenticate: () => LIBRARY } };
		return this.#serving.own;
	}
}

function routeFor(path: string): Route {
	const route = routeOf(path);
	if (route === null) throw new Error(`nothing is served under ${path}`);
	return route;
}

function headersOf({ headers, session }: CallOptions, length: number): Readonly<Record<string, string>> {
	const given = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
	return {
		...Object.fromEntries(given),
		"content-type": "application/json",
		"content-length": String(length),
		...(session === undefined ? {} : { "x-litellm-session-id": session }),
	};
}

async function headOf(response: MemoryResponse, signal: AbortSignal | null): Promise<CallResponseHead> {
	try {
		return await response.head;
	} catch {
		signal?.throwIfAborted();
		throw shuttingDown();
	}
}

/** Also of a call that closing has ended. */
function shuttingDown(): Error {
	const { status, code, message, anthropicType } = new GatewayError("shutting_down");
	return callError({
		status,
		code,
		message,
		type: anthropicType,
		requestId: null,
		headers: {},
		body: null,
		decision: null,
	});
}

/** The whole body as text. An answer that is cut rejects with StreamError, an aborted one with the signal's reason. */
async function bodyOf({ exchange, response, head, signal }: Answered): Promise<string> {
	try {
		const whole = await response.whole();
		const encoding = head.headers["content-encoding"];
		return unpacked(whole, typeof encoding === "string" ? encoding : "identity", { most: MAX_WHOLE }).toString("utf8");
	} catch {
		signal?.throwIfAborted();
		const decision = decisionOf(exchange, head);
		throw streamError(null, { requestId: requestIdOf(head), headers: head.headers, body: null, decision });
	}
}

async function errorOf(answered: Answered): Promise<Error> {
	const { exchange, head } = answered;
	const text = await bodyOf(answered);
	await answered.done;
	const body = parsed(text);
	const error = readErrorBody(body) ?? { type: "api_error", message: text.slice(0, 2000) };
	return callError({
		...error,
		status: head.status,
		code: exchange.failure?.code ?? null,
		requestId: requestIdOf(head),
		headers: head.headers,
		body,
		decision: decisionOf(exchange, head),
	});
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}
