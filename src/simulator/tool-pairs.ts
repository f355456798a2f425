// The rule that every tool_use is answered in the next message, and every tool_result answers one. Leaves other checks to request.ts.
import { invalid } from "./api-error.ts";
import type { Message } from "./body.ts";

interface Turn {
	readonly role: "user" | "assistant";
	/** Index of the first message of the turn. */
	readonly index: number;
	readonly uses: string[];
	readonly results: { readonly id: string; readonly path: string }[];
}

/** Throws the provider's 400 when tool_use and tool_result blocks do not pair up. Messages of one role in a row are one turn. */
export function checkToolPairs(messages: readonly Message[]): void {
	const turns = turnsOf(messages);
	for (const [position, turn] of turns.entries()) {
		const before = turns[position - 1];
		const known = new Set(before?.role === "assistant" ? before.uses : []);
		for (const result of turn.results) {
			if (known.has(result.id)) continue;
			throw invalid(
				`${result.path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${result.id}. ` +
					"Each `tool_result` block must have a corresponding `tool_use` block in the previous message.",
			);
		}
		const after = turns[position + 1];
		const answered = new Set(after?.results.map((result) => result.id));
		const open = turn.uses.filter((id) => !answered.has(id));
		if (open.length === 0 || (after === undefined && turn.role === "assistant")) continue;
		throw invalid(
			`messages.${turn.index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
				`${open.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
		);
	}
}

function turnsOf(messages: readonly Message[]): Turn[] {
	const turns: Turn[] = [];
	for (const [index, message] of messages.entries()) {
		if (message.role === "system") continue;
		let turn = turns.at(-1);
		if (turn === undefined || turn.role !== message.role) {
			turn = { role: message.role, index, uses: [], results: [] };
			turns.push(turn);
		}
		for (const [blockIndex, block] of message.content.entries()) {
			if (block.type === "tool_use") turn.uses.push(String(block["id"]));
			if (block.type !== "tool_result") continue;
			turn.results.push({ id: String(block["tool_use_id"]), path: `messages.${index}.content.${blockIndex}` });
		}
	}
	return turns;
}
