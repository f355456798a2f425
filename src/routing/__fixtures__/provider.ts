// A provider's prompt cache for tests, written from prompt-caching §6 alone: it shares no code with cache/, so that a mistake there shows.
import { BYTES_PER_TOKEN } from "../../cache/__fixtures__/prompt.ts";
import type { Outline } from "../../prompt/outline.ts";
import type { ReportedUsage } from "../decision.ts";

export interface ProviderOptions {
	readonly minimumTokens?: number;
	readonly collapseRuns?: boolean;
	/** Whose cache a deployment reads; itself by default. */
	readonly domainOf?: (deployment: string) => string;
}

interface Stored {
	readonly ttlMs: number;
	readonly availableAt: number;
	expiresAt: number;
}

interface Call {
	readonly usage: ReportedUsage;
	/** The first byte leaves: what the request writes becomes readable. */
	firstByte(now: number): void;
}

export interface Provider {
	begin(deployment: string, outline: Outline, now: number): Call;
	/** Loses all entries. */
	clear(): void;
}

export function createProvider(options: ProviderOptions = {}): Provider {
	const { minimumTokens = 1024, collapseRuns = true, domainOf = (deployment: string) => deployment } = options;
	const stored = new Map<string, Stored>();

	function hitOf(domain: string, { chain, breakpoints }: Outline, now: number): number {
		for (const mark of [...breakpoints].reverse()) {
			let left = 20;
			for (let block = mark.block; block >= 0 && left > 0; left -= 1) {
				let start = block;
				const kind = chain.kind[block];
				while (collapseRuns && kind !== 0 && start > 0 && chain.kind[start - 1] === kind) start -= 1;
				for (let at = block; at >= start; at -= 1) {
					const entry = stored.get(`${domain}/${chain.high[at]}/${chain.low[at]}`);
					if (entry !== undefined && entry.availableAt <= now && now < entry.expiresAt) return at;
				}
				block = start - 1;
			}
		}
		return -1;
	}

	return {
		clear: () => stored.clear(),
		begin(deployment, outline, now) {
			const domain = domainOf(deployment);
			const { chain, breakpoints } = outline;
			const tokensAt = (block: number) => Math.round((chain.bytes[block] ?? 0) / BYTES_PER_TOKEN);
			const keyOf = (block: number) => `${domain}/${chain.high[block]}/${chain.low[block]}`;
			const hit = hitOf(domain, outline, now);
			for (const block of [hit, ...breakpoints.map((mark) => mark.block).filter((at) => at < hit)]) {
				const entry = stored.get(keyOf(block));
				if (entry !== undefined && now < entry.expiresAt) entry.expiresAt = now + entry.ttlMs;
			}
			const written = breakpoints.filter(({ block }) => block > hit && tokensAt(block) >= minimumTokens);
			const total = tokensAt(chain.count - 1);
			const read = tokensAt(hit);
			const write = Math.max(0, tokensAt(written.at(-1)?.block ?? hit) - read);
			return {
				usage: { inputTokens: total - read - write, cacheReadTokens: read, cacheWriteTokens: write, outputTokens: 100 },
				firstByte(firstByteAt) {
					for (const { block, ttl } of written) {
						const ttlMs = ttl === "1h" ? 3_600_000 : 300_000;
						const old = stored.get(keyOf(block));
						const live = old !== undefined && firstByteAt < old.expiresAt;
						const availableAt = live ? Math.min(old.availableAt, firstByteAt) : firstByteAt;
						stored.set(keyOf(block), { ttlMs, availableAt, expiresAt: now + ttlMs });
					}
				},
			};
		},
	};
}
