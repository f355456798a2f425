// The steps of a call: fault, generation or count, and the endpoints that a platform answers itself. Leaves forms to the dialects and the cache to cache.ts.
import { hash as digest } from "node:crypto";
import { type Answer, answerTokens } from "./answer.ts";
import { ApiError } from "./api-error.ts";
import type { Pending } from "./cache.ts";
import { sleep } from "./clock.ts";
import type { Demand, Domain } from "./deployment.ts";
import type { Caller } from "./dialect.ts";
import { type Call, finish, sendHead, sendText, strikeEarly } from "./exchange.ts";
import { type Fault, stallMs } from "./faults.ts";
import type { Reply } from "./message.ts";
import { flatten, type Prompt, type PromptRules } from "./prompt.ts";
import { type MessagesRequest, readRequest } from "./request.ts";
import { scriptedAnswer } from "./scenarios.ts";
import { continueAfterResults, searchesOf } from "./server-tools.ts";
import { playStream, writeThrough } from "./stream.ts";

/** A generation whose request is valid, and who is served from which cache. */
interface Generation {
	readonly caller: Caller;
	readonly domain: Domain;
	readonly request: MessagesRequest;
	readonly prompt: Prompt;
	/** Rules that the prompt was rendered by. */
	readonly rules: Partial<PromptRules>;
	readonly answer: Answer;
}

/** Answers one call. Throws an ApiError for what the provider refuses. */
export async function answerCall(call: Call): Promise<void> {
	const { endpoint } = call.ask.route;
	const fault = call.world.faults.strike({
		deployment: call.record.deployment,
		endpoint,
		stream: call.record.stream,
		model: call.record.model,
		session: call.record.session,
	});
	if (fault !== null && (await strikeEarly(call, fault))) return;
	const { caller } = call;
	if (caller !== null && endpoint === "messages") return generate(call, caller, fault);
	if (caller !== null && endpoint === "count_tokens") return count(call, caller);
	const answer = call.dialect.other(call.ask);
	if (answer === null) throw new ApiError(404, "Not found");
	sendText(call, answer);
}

async function generate(call: Call, caller: Caller, fault: Fault | null): Promise<void> {
	const { world, record, signal, dialect } = call;
	const { clock } = world;
	const { deployment } = caller;
	const generation = prepare(call, caller);
	const { request, prompt, answer, domain } = generation;
	const startMs = clock.now();
	const demand = admit(call, generation);
	const pending = domain.cache.begin(prompt, startMs);
	if (!(await sleep(clock, firstByteDelay(call, pending, fault), signal))) return leave(call, pending);
	const reply = compose(call, generation, pending);
	const usage = reply.totalInput;
	const encoder = dialect.stream(call.ask);
	const whole = dialect.whole(reply, call.ask);
	const form = request.stream
		? { "content-type": encoder.contentType, "cache-control": "no-cache" }
		: { "content-type": "application/json", ...whole.headers };
	sendHead(call, 200, { ...deployment.limits.headers(demand.modelClass, startMs), ...form });
	const silence = stallMs(fault, "after-headers");
	if (silence > 0) call.response.flushHeaders();
	if (!(await sleep(clock, silence, signal))) return leave(call, pending);
	pending.firstByte(clock.now());
	record.firstByteAt = clock.now();
	record.usage = { ...usage, output: 0 };
	const onComplete = (output: number) => {
		record.usage = { ...usage, output };
		deployment.limits.settle(demand, output, clock.now());
		finish(call);
	};
	if (!request.stream) return sendWhole(call, { text: whole.body, answer, fault, onComplete });
	const msPerToken = (1000 / world.latency.decodeRate) * world.speed;
	const { response } = call;
	const end = await playStream(reply, {
		response,
		encoder,
		requestId: record.id,
		clock,
		signal,
		msPerToken,
		fault,
		onComplete,
	});
	if (end.outcome === "complete") return;
	record.usage = { ...usage, output: end.outputTokens };
	deployment.limits.settle(demand, end.outputTokens, clock.now());
	finish(call, end.outcome === "aborted" ? "aborted" : "answered");
}

/** The reply, with what its passes read and wrote. Passes after server tools are settled here, as their results are known beforehand. */
function compose(call: Call, generation: Generation, pending: Pending): Reply {
	const { dialect, record, world } = call;
	const { request, prompt, answer, domain, rules } = generation;
	const searches = searchesOf(answer);
	if (searches > 0) pending.firstByte(world.clock.now());
	const id = `${dialect.message.idPrefix}${digest("sha256", record.id, "hex").slice(0, 21)}`;
	const lastBreakpoint = prompt.breakpoints.at(-1)?.block;
	const cachedTokens = lastBreakpoint === undefined ? 0 : (prompt.tokens[lastBreakpoint] ?? 0);
	return {
		id,
		request,
		answer,
		input: pending.usage,
		totalInput:
			searches === 0
				? pending.usage
				: continueAfterResults(domain.cache, { request, prompt, answer, rules }, pending.usage, world.clock.now()),
		searches,
		diagnostics: world.diagnostics.diagnose({ domain: domain.name, messageId: id, request, cachedTokens }),
		droppedThinking: prompt.droppedThinking,
		model: dialect.message.modelName(request.model),
		fullUsage: dialect.message.fullUsage,
	};
}

interface WholeAnswer {
	readonly text: string;
	readonly answer: Answer;
	readonly fault: Fault | null;
	onComplete(outputTokens: number): void;
}

/** Waits for the whole answer to be generated, then sends it at once; a cut or stall strikes in the middle of the body. */
async function sendWhole(call: Call, whole: WholeAnswer): Promise<void> {
	const { response, world, signal } = call;
	const { fault, text } = whole;
	const tokens = answerTokens(whole.answer);
	const decodeMs = (tokens * 1000 * world.speed) / world.latency.decodeRate;
	if (!(await sleep(world.clock, decodeMs, signal))) return finish(call, "aborted");
	const silence = stallMs(fault, "mid-content");
	const half = fault?.kind === "cut" || silence > 0 ? Math.floor(text.length / 2) : 0;
	if (half > 0) await writeThrough(response, text.slice(0, half), signal);
	if (fault?.kind === "cut") {
		finish(call);
		response.destroy();
		return;
	}
	if (!(await sleep(world.clock, silence, signal))) return finish(call, "aborted");
	whole.onComplete(tokens);
	response.end(text.slice(half));
}

function count(call: Call, caller: Caller): void {
	const request = read(call, caller);
	const prompt = render(call, request, rulesFor(call, caller.domain));
	caller.deployment.limits.admitCount(call.world.clock.now());
	sendText(call, { status: 200, headers: {}, body: JSON.stringify(call.dialect.counted(prompt.totalTokens)) });
}

/** Reads the request, picks the cache that serves it, and decides the answer. */
function prepare(call: Call, caller: Caller): Generation {
	const { world, record } = call;
	const request = read(call, caller);
	const domain = caller.serving?.(request, call.ask.json) ?? caller.domain;
	record.domain = domain.name;
	const rules = rulesFor(call, domain);
	const prompt = render(call, request, rules);
	const window = world.options.contextTokens?.(request.rules.id) ?? request.rules.contextTokens;
	if (prompt.totalTokens > window) throw call.dialect.tooLong(prompt.totalTokens, window);
	const answer = world.options.answer?.(request) ?? scriptedAnswer(request, domain.organization);
	return { caller, domain, request, prompt, rules, answer };
}

function read(call: Call, caller: Caller): MessagesRequest {
	const { dialect, ask } = call;
	const { json, betas } = dialect.read(ask, caller, ask.json);
	const kind = ask.route.endpoint === "count_tokens" ? "count_tokens" : "messages";
	const { findModel } = dialect;
	return readRequest(json, { betas, kind, ...(findModel && { findModel: (name: string) => findModel(name, ask) }) });
}

function render({ dialect, ask }: Call, request: MessagesRequest, rules: Partial<PromptRules>): Prompt {
	return dialect.prompt?.(request, ask, rules) ?? flatten(request, rules);
}

function rulesFor({ dialect, world }: Call, domain: Domain): Partial<PromptRules> {
	return { ...dialect.promptRules, ...world.options.prompt, organization: domain.organization };
}

/** Takes the request from the organization's limits, or throws the 429. What is read from the cache is free. */
function admit(call: Call, { caller, domain, request, prompt, answer }: Generation): Demand {
	const { limits } = caller.deployment;
	const now = call.world.clock.now();
	const read = limits.limited ? domain.cache.preview(prompt, now).read : 0;
	const demand: Demand = {
		modelClass: caller.limitClass?.(request.model) ?? request.rules.limitClass,
		model: request.model,
		inputTokens: prompt.totalTokens - read,
		outputTokens: answerTokens(answer),
		maxTokens: request.maxTokens,
	};
	limits.admit(demand, now);
	return demand;
}

/** Modelled time to the first token, scaled by the speed, plus what a fault adds. */
function firstByteDelay(call: Call, pending: Pending, fault: Fault | null): number {
	const { latency, speed } = call.world;
	const { read, write5m, write1h, uncached } = pending.usage;
	const seconds = (write5m + write1h + uncached) / latency.prefillRate + read / latency.restoreRate;
	const extra = fault?.kind === "slow-first-byte" ? fault.ms : 0;
	return speed * (latency.baseMs + seconds * 1000) + extra;
}

/** The client left before the first byte: nothing becomes readable. */
function leave(call: Call, pending: Pending): void {
	pending.fail();
	finish(call, "aborted");
}
