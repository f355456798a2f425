// What in a conversation Claude certainly refuses because another server said it: thinking that Claude did not sign, ids of tool calls in
// other alphabets, text of white space. Finds the bytes; whether there is anything to look for is known by prompt/outline.
import type { Member } from "../protocol/members.ts";
import { ToolIds } from "../protocol/tool-ids.ts";
import { elementsAt, membersAt, type NamedMember } from "../protocol/walk.ts";

/** Changes to a body, as protocol/edit takes them. */
export interface HistoryRepair {
	readonly remove: readonly Member[];
	readonly replace: readonly { readonly member: Pick<Member, "start" | "end">; readonly value: string }[];
	/** For `x-warmpath-removed`. */
	readonly removed: readonly string[];
	/** The messages that are left. */
	readonly kept: readonly Member[];
	/** Tool calls that have just been answered came without thinking before them: models with a thinking budget refuse that. */
	readonly lacksThinking: boolean;
}

/** By this, signatures begin that the gateway itself writes for thinking that nobody signed (protocol/openai/carried). */
const OWN_SIGNATURE = "warmpath-unsigned";

interface Message {
	readonly whole: Member;
	readonly role: string;
	/** null = it is no list. */
	readonly blocks: readonly Block[] | null;
	readonly content: Member | null;
}

interface Block {
	readonly whole: Member;
	readonly type: string;
	readonly members: readonly NamedMember[];
}

/**
 * Finds what is to be repaired in the array of messages at `from`. What becomes of a message depends on it and on what stands before it, so
 * that a conversation that grows keeps its bytes. The first message and the user's last one are never left out: what is wrong with all of
 * them the client shall get.
 */
export function repairHistory(body: Buffer, from: number): HistoryRepair {
	const messages = elementsAt(body, from).map((whole) => readMessage(body, whole));
	const remove: Member[] = [];
	const replace: HistoryRepair["replace"][number][] = [];
	const removed = new Set<string>();
	const kept: Member[] = [];
	const ids = new ToolIds();
	let opening = "";
	for (const [at, message] of messages.entries()) {
		const { whole, role, blocks } = message;
		if (role !== "assistant") ids.turn();
		const isFixed = at === 0 || (at === messages.length - 1 && role !== "assistant");
		const found = droppedOf(body, message);
		const dropped = isFixed && found.length === blocks?.length ? [] : found;
		const left = (blocks ?? []).filter((block) => !dropped.includes(block));
		for (const { type } of dropped) removed.add(`block:${type}`);
		if (isEmptied(body, message, left) && !isFixed) {
			remove.push(whole);
			if (blocks === null) removed.add("block:text");
			continue;
		}
		kept.push(whole);
		remove.push(...dropped.map((block) => block.whole));
		for (const [place, block] of left.entries()) {
			const change = idChange(body, block, { ids, spare: `call_${at}_${place}` });
			if (change !== null) replace.push(change);
			if (block.type === "tool_result") remove.push(...blankResults(body, block));
		}
		if (role === "assistant") opening = left.some(({ type }) => type === "tool_use") ? (left[0]?.type ?? "") : "";
	}
	const answersCalls = messages.at(-1)?.blocks?.some(({ type }) => type === "tool_result") === true;
	const lacksThinking = answersCalls && opening !== "" && !opening.endsWith("thinking");
	return { remove, replace, removed: [...removed], kept, lacksThinking };
}

function readMessage(body: Buffer, whole: Member): Message {
	const members = membersAt(body, whole.start);
	const content = members.find(({ name }) => name === "content") ?? null;
	const isList = content !== null && body[content.start] === 0x5b;
	const blocks = isList
		? elementsAt(body, content.start).map((block): Block => {
				const inner = membersAt(body, block.start);
				return { whole: block, type: stringOf(body, inner, "type"), members: inner };
			})
		: null;
	return { whole, role: stringOf(body, members, "role"), blocks, content };
}

function droppedOf(body: Buffer, { role, blocks }: Message): readonly Block[] {
	return (blocks ?? []).filter(({ type, members }) => {
		if (type === "text") return isBlank(stringOf(body, members, "text", "-"));
		return type === "thinking" && role === "assistant" && isForeign(stringOf(body, members, "signature"));
	});
}

/** Claude's own signatures are long and opaque; only what certainly is none is recognised. */
function isForeign(signature: string): boolean {
	return signature === "" || signature.startsWith(OWN_SIGNATURE);
}

function isBlank(text: string): boolean {
	return text.trim() === "";
}

/** Nothing is left that could be sent. A list that was empty already means something (a message that only sets an option). */
function isEmptied(body: Buffer, { blocks, content }: Message, left: readonly Block[]): boolean {
	if (blocks !== null) return blocks.length > 0 && left.length === 0;
	return content !== null && body[content.start] === 0x22 && isBlank(stringAt(body, content));
}

function idChange(
	body: Buffer,
	{ type, members }: Block,
	{ ids, spare }: { readonly ids: ToolIds; readonly spare: string },
): HistoryRepair["replace"][number] | null {
	if (type !== "tool_use" && type !== "tool_result") return null;
	const member = members.find(({ name }) => name === (type === "tool_use" ? "id" : "tool_use_id"));
	if (member === undefined || body[member.start] !== 0x22) return null;
	const given = stringAt(body, member);
	const id = type === "tool_use" ? ids.call(given, spare) : (ids.result(given) ?? given);
	return id === given ? null : { member, value: JSON.stringify(id) };
}

/** Blank texts inside a result; a result of nothing else keeps none. */
function blankResults(body: Buffer, { members }: Block): readonly Member[] {
	const content = members.find(({ name }) => name === "content");
	if (content === undefined) return [];
	return elementsAt(body, content.start).filter((element) => {
		const inner = membersAt(body, element.start);
		return stringOf(body, inner, "type") === "text" && isBlank(stringOf(body, inner, "text", "-"));
	});
}

/** The last member of that name as a string; `other` when there is none. */
function stringOf(body: Buffer, members: readonly NamedMember[], name: string, other = ""): string {
	const member = members.findLast((each) => each.name === name);
	return member !== undefined && body[member.start] === 0x22 ? stringAt(body, member) : other;
}

function stringAt(body: Buffer, { start, end }: Member): string {
	const value: unknown = JSON.parse(body.toString("utf8", start, end));
	return typeof value === "string" ? value : "";
}
