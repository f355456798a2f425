// An answer of the simulated model and its weight in tokens. Leaves choosing it to scenarios.ts and writing it to message.ts and stream.ts.

/** One content block of an answer. */
export type AnswerBlock =
	| { readonly type: "text"; readonly text: string }
	| { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
	| {
			readonly type: "tool_use";
			readonly id: string;
			readonly name: string;
			readonly input: Readonly<Record<string, unknown>>;
	  }
	/** A call that the provider itself carries out, and what it found. */
	| {
			readonly type: "server_tool_use";
			readonly id: string;
			readonly name: "web_search";
			readonly input: Readonly<Record<string, unknown>>;
	  }
	| {
			readonly type: "web_search_tool_result";
			readonly tool_use_id: string;
			readonly content: readonly Readonly<Record<string, unknown>>[];
	  };

/** What the model says. */
export interface Answer {
	readonly content: readonly AnswerBlock[];
	readonly stopReason: "end_turn" | "tool_use" | "max_tokens";
}

const BYTES_PER_TOKEN = 4;

/** Output tokens of a block. */
export function outputTokensOf(block: AnswerBlock): number {
	// Results are input to the model.
	if (block.type === "web_search_tool_result") return 0;
	return Math.max(1, Math.ceil(Buffer.byteLength(writtenText(block)) / BYTES_PER_TOKEN));
}

/** Output tokens of a whole answer. */
export function answerTokens(answer: Answer): number {
	return answer.content.reduce((sum, block) => sum + outputTokensOf(block), 0);
}

/** The text that a block streams: its text, its thinking, or its input as JSON. */
export function writtenText(block: AnswerBlock): string {
	switch (block.type) {
		case "text":
			return block.text;
		case "thinking":
			return block.thinking;
		case "tool_use":
		case "server_tool_use":
			return JSON.stringify(block.input);
		case "web_search_tool_result":
			return "";
	}
}

/** The answer as far as `maxTokens` allow; a block that does not fit is shortened if it is text, else left out. */
export function limitAnswer(answer: Answer, maxTokens: number): Answer {
	const content: AnswerBlock[] = [];
	let left = maxTokens;
	for (const block of answer.content) {
		const tokens = outputTokensOf(block);
		if (tokens <= left) {
			content.push(block);
			left -= tokens;
			continue;
		}
		if (block.type === "text" && left > 0) {
			content.push({ type: "text", text: shorten(block.text, left) });
		}
		return { content, stopReason: "max_tokens" };
	}
	return answer;
}

function shorten(text: string, tokens: number): string {
	let bytes = 0;
	let end = 0;
	for (const character of text) {
		bytes += Buffer.byteLength(character);
		if (bytes > tokens * BYTES_PER_TOKEN) break;
		end += character.length;
	}
	return text.slice(0, end);
}
