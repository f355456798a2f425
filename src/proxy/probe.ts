// One tiny request to one deployment, on an operator's word: does it answer? The router neither chooses it nor learns from it.
import { outline } from "../prompt/outline.ts";
import { readError } from "../protocol/anthropic.ts";
import { type Usage, UsageReader } from "../protocol/usage.ts";
import { CredentialError, type Provider, type UpstreamRequest } from "../providers/provider.ts";
import type { Serving } from "./handler.ts";

/** How the deployment answered. */
export interface ProbeResult {
	/** null = there was no answer. */
	readonly status: number | null;
	readonly ms: number;
	/** What it said, or what went wrong; "" where all is well. */
	readonly error: string;
	readonly usage: Usage | null;
}

/** What a probe asks for. */
const PROBE = { prompt: "ping", maxTokens: 1 } as const;

const MOST_ANSWER_BYTES = 256 * 1024;
const TIMEOUTS = { firstByteMs: 30_000, idleMs: 10_000, totalMs: 30_000 };

/** Null where there is no such deployment, or its model is a wildcard that names none. */
export async function probe(id: string, serving: Serving): Promise<ProbeResult | null> {
	const provider = serving.providers.get(id);
	const deployment = serving.config.deployments.find((each) => each.id === id);
	if (provider === undefined || deployment === undefined || deployment.upstreamModel.includes("*")) return null;
	const startedAt = serving.now();
	const body = Buffer.from(
		JSON.stringify({
			model: deployment.upstreamModel,
			max_tokens: PROBE.maxTokens,
			messages: [{ role: "user", content: PROBE.prompt }],
		}),
	);
	const { members } = outline(body, { hasher: serving.hasher, maxDepth: serving.config.limits.maxJsonDepth });
	let request: UpstreamRequest;
	try {
		request = await provider.prepare({
			operation: "messages",
			query: "",
			body,
			members,
			stream: false,
			model: deployment.upstreamModel,
			betas: [],
			headers: ["content-type", "application/json", "anthropic-version", "2023-06-01"],
			source: { format: "anthropic", body },
		});
	} catch (cause) {
		const error = cause instanceof CredentialError ? cause.message : "the request could not be prepared";
		return { status: null, ms: serving.now() - startedAt, error, usage: null };
	}
	const answer = await call(request, serving);
	const ms = serving.now() - startedAt;
	if ("error" in answer) return { status: null, ms, error: answer.error, usage: null };
	return { ms, ...read(provider, request, answer) };
}

interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly body: Buffer;
}

function call(request: UpstreamRequest, { pools }: Serving): Promise<Answer | { readonly error: string }> {
	return new Promise((resolve) => {
		let head: Omit<Answer, "body"> = { status: 0, headers: {} };
		const chunks: Buffer[] = [];
		let bytes = 0;
		const keep = (chunk: Buffer) => {
			bytes += chunk.length;
			if (bytes <= MOST_ANSWER_BYTES) chunks.push(chunk);
		};
		pools.open(request, TIMEOUTS, {
			head(status, headers) {
				head = { status, headers };
			},
			data: keep,
			end(last) {
				if (last !== null) keep(last);
				resolve({ ...head, body: Buffer.concat(chunks) });
			},
			error: (error) => resolve({ error: error.message === "" ? error.name : error.message }),
			fault: (error) => resolve({ error: String(error) }),
		});
	});
}

function read(provider: Provider, request: UpstreamRequest, answer: Answer): Omit<ProbeResult, "ms"> {
	const { status, headers, body } = answer;
	if (status >= 300) {
		const canonical = provider.canonicalError?.({ status, headers }, body)?.body ?? body;
		const said = readError(canonical.toString("utf8"));
		return { status, error: said?.message ?? `it answered ${status}`, usage: null };
	}
	const reframer = provider.reframe?.(request, { status, headers }) ?? null;
	const usage = new UsageReader();
	if (reframer === null) usage.body(body);
	else if (!reframer.streaming) usage.body(reframer.body(body));
	return { status, error: "", usage: usage.usage };
}
