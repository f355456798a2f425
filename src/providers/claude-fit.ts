// What the model that was chosen refuses of a Messages request, though another model would take it: sampling parameters, words put into the
// assistant's mouth, what other servers said. Leaves platforms to platform-rules, and models to protocol/claude-models.
import { type ClaudeModel, claudeModel } from "../protocol/claude-models.ts";
import { keyAt, type Member, membersNamed } from "../protocol/members.ts";
import { elementsAt, membersAt } from "../protocol/walk.ts";
import { type HistoryRepair, repairHistory } from "./claude-history.ts";
import type { Call } from "./provider.ts";

/** Changes to a body, as protocol/edit takes them, and what was taken off for `x-warmpath-removed`. */
export type ClaudeFit = Pick<HistoryRepair, "remove" | "replace" | "removed">;

type Fitted = Pick<Call, "body" | "members" | "model" | "history" | "source">;

const NOTHING: ClaudeFit = { remove: [], replace: [], removed: [] };
const LETTER_T = 0x74;
/** What a user says to an assistant that shall go on where its last words end. */
const GO_ON = ',{"role":"user","content":[{"type":"text","text":"Continue."}]}';
/** The values that mean the same as none. */
const DEFAULTS: ReadonlyMap<string, number> = new Map([
	["temperature", 1],
	["top_p", 1],
]);

/**
 * Fits one request to the model it goes to. `baseModel` names it where the upstream's id does not (`model_info.base_model`). A request that
 * the model may take is left alone, byte for byte; the outcome for its beginning does not depend on what follows.
 */
export function fitToClaude(call: Fitted, baseModel: unknown): ClaudeFit {
	const model = claudeModel(typeof baseModel === "string" ? baseModel : call.model);
	const sampling = model?.refusesBoth === true ? refusedSampling(call, model) : [];
	const { history } = call;
	const isOdd = history?.isOdd === true;
	const endsOpen = history?.last != null && isAssistant(call.body, history.last.start);
	if (sampling.length === 0 && !isOdd && !endsOpen) return NOTHING;
	const [messages] = membersNamed(call.body, call.members, "messages");
	const repair = isOdd && messages !== undefined ? repairHistory(call.body, messages.start) : null;
	const remove = [...sampling.map(({ member }) => member), ...(repair?.remove ?? [])];
	const removed = [...sampling.map(({ name }) => `field:${name}`), ...(repair?.removed ?? [])];
	const replace = [...(repair?.replace ?? [])];
	const last = repair === null ? history?.last : repair.kept.at(-1);
	if (last != null && isAssistant(call.body, last.start)) {
		const isRefused = model?.refusesPrefill === true || hasBudget(call);
		const ending = endingChange(call.body, last, { isRefused, gone: remove });
		if (ending !== null) replace.push(ending);
	}
	if (repair?.lacksThinking === true && hasBudget(call)) turnThinkingOff(call, { remove, replace, removed });
	return { remove, replace, removed };
}

/** The parameters that the model refuses; of two that it refuses together, the second. */
function refusedSampling(
	{ body, members: { all }, source }: Fitted,
	model: ClaudeModel,
): readonly { readonly name: string; readonly member: Member }[] {
	const found: { name: string; member: Member }[] = [];
	for (let at = 0; at + 2 < all.length; at += 3) {
		const keyStart = all[at] as number;
		if (body[keyStart + 1] !== LETTER_T) continue;
		const name = keyAt(body, keyStart);
		if (name !== "temperature" && name !== "top_p" && name !== "top_k") continue;
		found.push({ name, member: { keyStart, start: all[at + 1] as number, end: all[at + 2] as number } });
	}
	if (found.length === 0) return found;
	const isSaid = found.filter(({ member }) => body.toString("latin1", member.start, member.end) !== "null");
	if (!model.refusesSampling) {
		const both = isSaid.some(({ name }) => name === "temperature") && isSaid.some(({ name }) => name === "top_p");
		return both ? isSaid.filter(({ name }) => name === "top_p") : [];
	}
	// A client of the Messages API may say what is the default: that is not refused.
	const isOwn = source.format !== "openai-chat" && source.format !== "openai-responses";
	return isSaid.filter(({ name, member }) => {
		return !isOwn || Number(body.toString("latin1", member.start, member.end)) !== DEFAULTS.get(name);
	});
}

const USER_FIRST = Buffer.from('{"role":"user",');

/** Whether the message at `start` is the assistant's. */
function isAssistant(body: Buffer, start: number): boolean {
	if (body.compare(USER_FIRST, 0, USER_FIRST.length, start, start + USER_FIRST.length) === 0) return false;
	const role = membersAt(body, start).findLast(({ name }) => name === "role");
	return role !== undefined && body.toString("latin1", role.start, role.end) === '"assistant"';
}

/**
 * What makes a conversation that ends with the assistant's words acceptable: models that do not go on from them are asked to, for others
 * they must not end in white space (`final assistant content cannot end with trailing whitespace`). A turn of the server's own tools that
 * is to be continued, and an open tool call, are no such words.
 */
function endingChange(
	body: Buffer,
	last: Pick<Member, "start" | "end">,
	{ isRefused, gone }: { readonly isRefused: boolean; readonly gone: readonly Member[] },
): HistoryRepair["replace"][number] | null {
	const content = membersAt(body, last.start).findLast(({ name }) => name === "content");
	if (content === undefined) return null;
	let text: Member | undefined = content;
	if (body[content.start] === 0x5b) {
		const blocks = elementsAt(body, content.start).filter(({ start }) => !gone.some((each) => each.start === start));
		const types = blocks.map(({ start }) => typeAt(body, start));
		if (types.some((type) => !PLAIN.has(type)) || types.at(-1) !== "text") return null;
		text = membersAt(body, blocks.at(-1)?.start ?? 0).findLast(({ name }) => name === "text");
	}
	if (text === undefined || body[text.start] !== 0x22) return null;
	if (isRefused) return { member: { start: last.end, end: last.end }, value: GO_ON };
	const said = String(JSON.parse(body.toString("utf8", text.start, text.end)));
	const trimmed = said.trimEnd();
	return trimmed === said || trimmed === "" ? null : { member: text, value: JSON.stringify(trimmed) };
}

const PLAIN: ReadonlySet<string> = new Set(["text", "thinking", "redacted_thinking"]);

function typeAt(body: Buffer, start: number): string {
	const type = membersAt(body, start).findLast(({ name }) => name === "type");
	return type === undefined ? "" : body.toString("utf8", type.start + 1, type.end - 1);
}

/** Thinking with a budget: an answer must then begin with thinking, and so must the one that is gone on with. */
function hasBudget({ body, members }: Fitted): boolean {
	const [thinking] = membersNamed(body, members, "thinking");
	return thinking !== undefined && typeAt(body, thinking.start) === "enabled";
}

/** `Expected thinking or redacted_thinking, but found tool_use`: the turn goes on without; clearing thinking needs it too. */
function turnThinkingOff(
	{ body, members }: Fitted,
	{ remove, replace, removed }: { remove: Member[]; replace: HistoryRepair["replace"][number][]; removed: string[] },
): void {
	const [thinking] = membersNamed(body, members, "thinking");
	if (thinking !== undefined) replace.push({ member: thinking, value: '{"type":"disabled"}' });
	removed.push("field:thinking");
	const [management] = membersNamed(body, members, "context_management");
	if (management === undefined || !body.toString("utf8", management.start, management.end).includes("clear_thinking"))
		return;
	remove.push(management);
	removed.push("field:context_management");
}
