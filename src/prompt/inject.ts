// Puts `cache_control` into a Messages body where the gateway was told to, by bytes: every other byte stays as it came. Must run before
// fingerprints are taken. Leaves when to mark to proxy/marking.
import { editMembers } from "../protocol/edit.ts";
import { type BodyMembers, type Member, membersNamed } from "../protocol/members.ts";
import { elementsAt, membersAt, type NamedMember } from "../protocol/walk.ts";

/** What is to be marked: LiteLLM's `cache_control_injection_points` (litellm §3). */
export interface MarkingPoint {
	readonly location: "message" | "tools";
	/** Every message of this role; null = `index` says which. `system` is the top-level one. */
	readonly role: "system" | "user" | "assistant" | null;
	/** One message, negative from the end; wins over `role`. */
	readonly index: number | null;
	readonly ttl: "5m" | "1h" | null;
}

/** Breakpoints the provider admits in one request (prompt-caching R2). */
const MOST_MARKERS = 4;
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** What agents send again on every turn: the points of automatic marking. */
export function automaticPoints(ttl: MarkingPoint["ttl"]): readonly MarkingPoint[] {
	return [
		{ location: "tools", role: null, index: null, ttl },
		{ location: "message", role: "system", index: null, ttl },
		{ location: "message", role: null, index: -1, ttl },
	];
}

/** Whether the client marked anything itself, the top-level automatic marker included. */
export function isMarked(body: Buffer, members: Pick<BodyMembers, "all">): boolean {
	return clientMarkers(body, survey(body, members)).length > 0;
}

/**
 * The body with markers at `points`, in their order, as long as the provider's four are not used up; a point for tools comes first, for
 * LiteLLM keeps a marker for it. The client's own count and stay as they are, and what it marked is not marked again. String content becomes a list of one block. Of a role with more messages than there
 * is room for, the last ones are marked: those are what the next turn reads. A lifetime that the provider would refuse beside another
 * marker's is changed to that one's (prompt-caching R7). The same buffer when there is nothing to mark.
 */
export function injectMarkers(
	body: Buffer,
	members: Pick<BodyMembers, "all">,
	points: readonly MarkingPoint[],
): Buffer {
	const prompt = survey(body, members);
	const theirs = clientMarkers(body, prompt);
	const ours = new Map<number, Marker>();
	for (const point of toolsFirst(points)) {
		const level = point.location === "tools" ? Part.tools : isSystem(point) ? Part.system : Part.messages;
		for (const spot of spotsOf(body, prompt, point)) {
			if (theirs.length + ours.size >= MOST_MARKERS) break;
			if (!ours.has(spot.start)) ours.set(spot.start, { spot, at: level + spot.start, ttl: point.ttl ?? "5m" });
		}
	}
	if (ours.size === 0) return body;
	const fitted = fitLifetimes([...ours.values()], theirs);
	return editMembers(body, { replace: fitted.map((marker) => markedSpot(body, marker)) });
}

/** The points, those of tools before those of messages. */
function toolsFirst(points: readonly MarkingPoint[]): readonly MarkingPoint[] {
	const isTools = ({ location }: MarkingPoint): boolean => location === "tools";
	return [...points.filter(isTools), ...points.filter((point) => !isTools(point))];
}

/** The provider's order of the parts; added to positions, because a body may have them in any order. */
const Part = { tools: 0, system: 2 ** 40, messages: 2 ** 41 } as const;

function isSystem({ role, index }: MarkingPoint): boolean {
	return index === null && role === "system";
}

/** Where the parts of a prompt stand. */
interface Prompt {
	readonly tools: readonly Member[];
	readonly system: Member | null;
	readonly messages: readonly Message[];
	/** The top-level `cache_control`. */
	readonly automatic: Member | null;
}

interface Message {
	readonly role: string;
	readonly content: Member | null;
}

/** A value that can carry a marker: a block or tool (an object), or a string that stands for one block. */
interface Spot {
	readonly start: number;
	readonly end: number;
}

interface Marker {
	readonly spot: Spot;
	/** Orders markers as the provider does. */
	readonly at: number;
	readonly ttl: "5m" | "1h";
}

interface ClientMarker {
	readonly at: number;
	readonly ttl: "5m" | "1h";
}

function survey(body: Buffer, members: Pick<BodyMembers, "all">): Prompt {
	const [tools] = membersNamed(body, members, "tools");
	const [system] = membersNamed(body, members, "system");
	const [messages] = membersNamed(body, members, "messages");
	const [automatic] = membersNamed(body, members, "cache_control");
	return {
		tools: tools === undefined ? [] : elementsAt(body, tools.start),
		system: system ?? null,
		messages: messages === undefined ? [] : elementsAt(body, messages.start).map((each) => messageAt(body, each)),
		automatic: automatic !== undefined && body[automatic.start] === OPEN_BRACE ? automatic : null,
	};
}

function messageAt(body: Buffer, { start }: Member): Message {
	const members = membersAt(body, start);
	const role = members.find(({ name }) => name === "role");
	return {
		role: role === undefined ? "" : body.toString("latin1", role.start + 1, role.end - 1),
		content: members.find(({ name }) => name === "content") ?? null,
	};
}

/** The client's markers, in the order of the provider: tools, system, messages. */
function clientMarkers(body: Buffer, prompt: Prompt): ClientMarker[] {
	// Almost always there is none, and then nothing is walked. An escaped key is not thought of: nobody writes one.
	if (!body.includes('"cache_control"')) return [];
	const found: ClientMarker[] = [];
	for (const tool of prompt.tools) addMarker(found, body, { members: membersAt(body, tool.start), part: Part.tools });
	for (const block of blocksOf(body, prompt.system)) {
		addMarker(found, body, { members: membersAt(body, block.start), part: Part.system });
	}
	for (const { content } of prompt.messages) {
		for (const block of blocksOf(body, content)) addBlockMarkers(found, body, block);
	}
	if (prompt.automatic !== null) {
		const ttl = ttlOf(body, prompt.automatic);
		found.push({ at: Number.POSITIVE_INFINITY, ttl });
	}
	return found;
}

function addMarker(
	found: ClientMarker[],
	body: Buffer,
	{ members, part }: { readonly members: readonly NamedMember[]; readonly part: number },
): boolean {
	const marker = members.find(({ name }) => name === "cache_control");
	if (marker === undefined || body[marker.start] !== OPEN_BRACE) return false;
	found.push({ at: part + marker.start, ttl: ttlOf(body, marker) });
	return true;
}

/** A block's marker; one on the last block inside a tool's result is lifted to it (prompt-caching R11). */
function addBlockMarkers(found: ClientMarker[], body: Buffer, block: Spot): void {
	const members = membersAt(body, block.start);
	if (addMarker(found, body, { members, part: Part.messages })) return;
	const inner = members.find(({ name }) => name === "content");
	const last = inner === undefined ? undefined : elementsAt(body, inner.start).at(-1);
	if (last !== undefined) addMarker(found, body, { members: membersAt(body, last.start), part: Part.messages });
}

function ttlOf(body: Buffer, marker: Member): "5m" | "1h" {
	return body.toString("latin1", marker.start, marker.end).includes('"1h"') ? "1h" : "5m";
}

/** Blocks of a content or system value; a string is one. */
function blocksOf(body: Buffer, value: Member | null): readonly Spot[] {
	if (value === null) return [];
	if (body[value.start] === QUOTE) return [value];
	return body[value.start] === OPEN_BRACKET ? elementsAt(body, value.start) : [];
}

function spotsOf(body: Buffer, prompt: Prompt, point: MarkingPoint): readonly Spot[] {
	if (point.location === "tools") return present(lastTool(body, prompt.tools));
	if (isSystem(point)) return present(lastSpot(body, prompt.system));
	const { messages } = prompt;
	if (point.index !== null) {
		const message = messages.at(point.index);
		return message === undefined ? [] : present(lastSpot(body, message.content));
	}
	return lastSpotsOf(body, messages, point.role);
}

/** The last messages of a role that can be marked, the very last first: docs/decisions/2026-11-22-a-roles-last-messages-are-marked.md. */
function lastSpotsOf(body: Buffer, messages: readonly Message[], role: MarkingPoint["role"]): readonly Spot[] {
	const spots: Spot[] = [];
	for (let at = messages.length - 1; at >= 0 && spots.length < MOST_MARKERS; at -= 1) {
		const message = messages[at];
		if (message !== undefined && message.role === role) spots.push(...present(lastSpot(body, message.content)));
	}
	return spots;
}

function present(spot: Spot | null): readonly Spot[] {
	return spot === null ? [] : [spot];
}

/** The last tool that is part of the prompt, unless tools are marked already. */
function lastTool(body: Buffer, tools: readonly Member[]): Spot | null {
	let last: Spot | null = null;
	for (const tool of tools) {
		const members = membersAt(body, tool.start);
		if (members.some(({ name }) => name === "cache_control")) return null;
		const isDeferred = members.some(({ name, start }) => name === "defer_loading" && body[start] === 0x74);
		if (members.length > 0 && !isDeferred) last = tool;
	}
	return last;
}

/** Types of blocks that cannot be marked (prompt-caching R11). */
const UNMARKABLE = new Set(["thinking", "redacted_thinking"]);

/** The last block of a message or of system that can be marked; null where there is none, or the client marked one of them. */
function lastSpot(body: Buffer, content: Member | null): Spot | null {
	let last: Spot | null = null;
	for (const block of blocksOf(body, content)) {
		if (body[block.start] === QUOTE) {
			if (block.end - block.start > 2) last = block;
			continue;
		}
		const found: ClientMarker[] = [];
		addBlockMarkers(found, body, block);
		if (found.length > 0) return null;
		const members = membersAt(body, block.start);
		const type = members.find(({ name }) => name === "type");
		const text = members.find(({ name }) => name === "text");
		const isEmpty = text !== undefined && text.end - text.start === 2;
		// A marker that is null would stand there twice.
		if (type === undefined || isEmpty || members.some(({ name }) => name === "cache_control")) continue;
		if (!UNMARKABLE.has(body.toString("latin1", type.start + 1, type.end - 1))) last = block;
	}
	return last;
}

/**
 * One-hour markers must stand before five-minute ones (prompt-caching R7), so ours give way: those behind a five-minute one of the client's last five
 * minutes, those before a one-hour one an hour.
 */
function fitLifetimes(ours: readonly Marker[], theirs: readonly ClientMarker[]): Marker[] {
	const shortFrom = Math.min(...theirs.filter(({ ttl }) => ttl === "5m").map(({ at }) => at));
	const shortened = ours.map((marker): Marker => (marker.at > shortFrom ? { ...marker, ttl: "5m" } : marker));
	const longs = [...theirs, ...shortened].filter(({ ttl }) => ttl === "1h");
	const longTo = Math.max(...longs.map(({ at }) => at));
	return shortened.map((marker): Marker => (marker.at < longTo ? { ...marker, ttl: "1h" } : marker));
}

function markedSpot(body: Buffer, { spot, ttl }: Marker): { readonly member: Spot; readonly value: string } {
	const marker = `"cache_control":{"type":"ephemeral"${ttl === "1h" ? ',"ttl":"1h"' : ""}}`;
	if (body[spot.start] === QUOTE) {
		const text = body.toString("utf8", spot.start, spot.end);
		return { member: spot, value: `[{"type":"text","text":${text},${marker}}]` };
	}
	// Right behind the last member: taken out again, it leaves the bytes that were there.
	const end = membersAt(body, spot.start).at(-1)?.end ?? spot.end - 1;
	return { member: { start: end, end }, value: `,${marker}` };
}
