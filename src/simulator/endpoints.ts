// The provider's endpoints: messages, count_tokens, models. Leaves sockets and keys to service.ts and the cache to cache.ts.
import { hash as digest } from "node:crypto";
import { type Answer, answerTokens } from "./answer.ts";
import { ApiError, invalid } from "./api-error.ts";
import type { Pending } from "./cache.ts";
import { sleep } from "./clock.ts";
import { type Call, finish, sendHead, sendJson, strikeEarly } from "./exchange.ts";
import { type Endpoint, type Fault, stallMs } from "./faults.ts";
import type { Demand } from "./limits.ts";
import { type Reply, wholeMessage } from "./message.ts";
import { MODELS, type ModelRules } from "./model-table.ts";
import { flatten, type Prompt } from "./prompt.ts";
import { type MessagesRequest, readRequest } from "./request.ts";
import { scriptedAnswer } from "./scenarios.ts";
import { playStream, writeThrough } from "./stream.ts";

const MAX_PAGE = 1_000;
const DEFAULT_PAGE = 20;

/** Answers one authenticated call. Throws an ApiError for what the provider refuses. */
export async function answerCall(call: Call, endpoint: Endpoint): Promise<void> {
	const fault = call.world.faults.strike({
		deployment: call.deployment.name,
		endpoint,
		stream: call.record.stream,
		model: call.record.model,
		session: call.record.session,
	});
	if (fault !== null && (await strikeEarly(call, fault))) return;
	switch (endpoint) {
		case "messages":
			return answerMessages(call, fault);
		case "count_tokens":
			return answerCount(call);
		case "models":
			return answerModels(call);
	}
}

async function answerMessages(call: Call, fault: Fault | null): Promise<void> {
	const { world, deployment, record, signal } = call;
	const { clock } = world;
	const request = read(call, "messages");
	const prompt = flatten(request, { ...world.options.prompt, organization: deployment.domain.organization });
	checkWindow(call, request, prompt);
	const answer = world.options.answer?.(request) ?? scriptedAnswer(request, deployment.domain.organization);
	const startMs = clock.now();
	const demand = admit(call, { request, prompt, answer });
	const pending = deployment.domain.cache.begin(prompt, startMs);
	const { usage } = pending;
	const reply: Reply = {
		id: messageId(record.id),
		request,
		answer,
		input: usage,
		droppedThinking: prompt.droppedThinking,
	};
	if (!(await sleep(clock, firstByteDelay(call, pending, fault), signal))) return leave(call, pending);
	const headers = deployment.limits.headers(request.rules.limitClass, startMs);
	sendHead(call, 200, { ...headers, ...(request.stream ? SSE_HEADERS : { "content-type": "application/json" }) });
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
	if (!request.stream) return sendWhole(call, { reply, fault, onComplete });
	const msPerToken = (1000 / world.latency.decodeRate) * world.speed;
	const { response } = call;
	const end = await playStream(reply, { response, requestId: record.id, clock, signal, msPerToken, fault, onComplete });
	if (end.outcome === "complete") return;
	record.usage = { ...usage, output: end.outputTokens };
	deployment.limits.settle(demand, end.outputTokens, clock.now());
	finish(call, end.outcome === "aborted" ? "aborted" : "answered");
}

const SSE_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

interface WholeAnswer {
	readonly reply: Reply;
	readonly fault: Fault | null;
	onComplete(outputTokens: number): void;
}

/** Waits for the whole answer to be generated, then sends it at once; a cut or stall strikes in the middle of the body. */
async function sendWhole(call: Call, whole: WholeAnswer): Promise<void> {
	const { response, world, signal } = call;
	const { fault, reply } = whole;
	const text = JSON.stringify(wholeMessage(reply));
	const tokens = answerTokens(reply.answer);
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

function answerCount(call: Call): void {
	const request = read(call, "count_tokens");
	const prompt = flatten(request, call.world.options.prompt);
	call.deployment.limits.admitCount(call.world.clock.now());
	sendJson(call, { status: 200, body: { input_tokens: prompt.totalTokens } });
}

function answerModels(call: Call): void {
	const id = /\/v1\/models\/([^/?]+)/.exec(call.record.path)?.[1];
	sendJson(call, { status: 200, body: id === undefined ? modelPage(call) : modelNamed(decodeURIComponent(id)) });
}

function modelNamed(id: string): Record<string, unknown> {
	const model = MODELS.find((candidate) => candidate.id === id);
	if (model === undefined) throw new ApiError(404, `model: ${id}`);
	return modelEntry(model);
}

function modelPage(call: Call): Record<string, unknown> {
	const query = new URL(call.record.path, "http://simulator").searchParams;
	const limit = Number(query.get("limit") ?? DEFAULT_PAGE);
	if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
		throw invalid(`limit: Input should be between 1 and ${MAX_PAGE}`);
	}
	const after = query.get("after_id");
	const before = query.get("before_id");
	const start = after === null ? 0 : MODELS.findIndex((model) => model.id === after) + 1;
	const end = before === null ? MODELS.length : MODELS.findIndex((model) => model.id === before);
	const range = MODELS.slice(start, Math.max(start, end));
	const page = before === null ? range.slice(0, limit) : range.slice(-limit);
	return {
		data: page.map(modelEntry),
		first_id: page[0]?.id ?? null,
		last_id: page.at(-1)?.id ?? null,
		has_more: page.length < range.length,
	};
}

function modelEntry(model: ModelRules): Record<string, unknown> {
	return { type: "model", id: model.id, display_name: model.displayName, created_at: model.createdAt };
}

function read(call: Call, kind: "messages" | "count_tokens"): MessagesRequest {
	if (call.json === undefined) throw invalid("The request body is not valid JSON");
	for (const beta of call.world.options.unknownBetas ?? []) {
		if (!call.betas.has(beta)) continue;
		throw invalid(`Unexpected value(s) \`${beta}\` for the \`anthropic-beta\` header.`);
	}
	return readRequest(call.json, { betas: call.betas, kind });
}

function checkWindow(call: Call, request: MessagesRequest, prompt: Prompt): void {
	const window = call.world.options.contextTokens?.(request.rules.id) ?? request.rules.contextTokens;
	if (prompt.totalTokens <= window) return;
	throw invalid(`prompt is too long: ${prompt.totalTokens} tokens > ${window} maximum`);
}

/** Takes the request from the organization's limits, or throws the 429. What is read from the cache is free. */
function admit(call: Call, plan: { request: MessagesRequest; prompt: Prompt; answer: Answer }): Demand {
	const { rules, model } = plan.request;
	const { domain, limits } = call.deployment;
	const now = call.world.clock.now();
	const read = limits.limited ? domain.cache.preview(plan.prompt, now).read : 0;
	const demand: Demand = {
		modelClass: rules.limitClass,
		model,
		inputTokens: plan.prompt.totalTokens - read,
		outputTokens: answerTokens(plan.answer),
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

function messageId(requestId: string): string {
	return `msg_sim${digest("sha256", requestId, "hex").slice(0, 21)}`;
}
