// The beta value by which older models give their long context, for clients that ask for it by the model's name alone. Leaves the name to
// config/model-name.
import { asksLongContext } from "../../config/model-name.ts";
import { claudeModel, LONG_CONTEXT_BETA } from "../../protocol/claude-models.ts";
import type { Call } from "../../providers/provider.ts";

/** The part of a call that says which betas are asked for. */
type Betas = Pick<Call, "betas" | "headers">;

/** Betas for a request that named `asked` and goes to `upstreamModel`: the same ones where nothing is to be added. */
export function withLongContext(
	sent: Betas,
	{ asked, upstreamModel }: Record<"asked" | "upstreamModel", string>,
): Betas {
	if (!asksLongContext(asked) || claudeModel(upstreamModel)?.longContextBeta !== true) return sent;
	if (sent.betas.includes(LONG_CONTEXT_BETA)) return sent;
	return { betas: [...sent.betas, LONG_CONTEXT_BETA], headers: withHeader(sent.headers) };
}

function withHeader(headers: readonly string[]): readonly string[] {
	const out = [...headers];
	for (let at = 0; at + 1 < out.length; at += 2) {
		if (out[at]?.toLowerCase() !== "anthropic-beta") continue;
		out[at + 1] = `${out[at + 1]},${LONG_CONTEXT_BETA}`;
		return out;
	}
	return [...out, "anthropic-beta", LONG_CONTEXT_BETA];
}
