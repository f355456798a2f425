// Bytes of prompt to tokens, learned per model from reported usage. Leaves counting bytes to prompt/ and exact counts to the provider.
import { initialBytesPerToken } from "./semantics.ts";

/** No tokenizer is denser or sparser than this on real prompts; a report beyond it speaks of something else (images, documents). */
const FEWEST_BYTES_PER_TOKEN = 1.5;
const MOST_BYTES_PER_TOKEN = 8;
/** What is left of the past at each report: the last twenty or so reports decide. */
const RETAINED = 0.95;
/** Tokens' worth of belief in the starting figure; the first real prompt outweighs it. */
const PRIOR_TOKENS = 200;
/** Models kept: a wildcard group lets clients name them. */
const MOST_MODELS = 1_000;

/** Learned bytes-per-token figures. `model` is always canonical (semantics.ts). */
export interface TokenScale {
	/** Bytes per token to use for this model now. */
	bytesPerToken(model: string): number;
	/** A prompt of `bytes` was reported as `tokens` in all (input + read + write, prompt-caching R10). */
	observe(model: string, bytes: number, tokens: number): void;
}

/** A scale that knows nothing yet but each model's starting figure. */
export function createTokenScale(): TokenScale {
	const sums = new Map<string, { bytes: number; tokens: number }>();
	return {
		bytesPerToken(model) {
			const sum = sums.get(model);
			if (sum === undefined) return initialBytesPerToken(model);
			return Math.min(MOST_BYTES_PER_TOKEN, Math.max(FEWEST_BYTES_PER_TOKEN, sum.bytes / sum.tokens));
		},
		observe(model, bytes, tokens) {
			const ratio = bytes / tokens;
			if (!(ratio >= FEWEST_BYTES_PER_TOKEN && ratio <= MOST_BYTES_PER_TOKEN)) return;
			const past = sums.get(model) ?? { bytes: PRIOR_TOKENS * initialBytesPerToken(model), tokens: PRIOR_TOKENS };
			sums.delete(model);
			sums.set(model, { bytes: past.bytes * RETAINED + bytes, tokens: past.tokens * RETAINED + tokens });
			const oldest = sums.keys().next();
			if (sums.size > MOST_MODELS && !oldest.done) sums.delete(oldest.value);
		},
	};
}
