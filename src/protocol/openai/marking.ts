// LiteLLM's `cache_control_injection_points` on the messages of a chat request, whose positions only the client's own list has. Leaves
// bodies of the Messages API to prompt/inject.
import { asList, asObject, type Draft, type JsonObject, textOf } from "./json.ts";

/** One point, as in config: tools, all messages of a role, or one message (negative: from the end). */
export interface ChatPoint {
	readonly location: "message" | "tools";
	readonly role: "system" | "user" | "assistant" | null;
	readonly index: number | null;
	readonly ttl: "5m" | "1h" | null;
}

const MOST_MARKERS = 4;

/** Points that a request itself carries, as LiteLLM's clients send them. What is none is passed over. */
export function pointsOf(chat: JsonObject): readonly ChatPoint[] {
	return asList(chat["cache_control_injection_points"]).flatMap((value): ChatPoint[] => {
		const location = textOf(value, "location");
		if (location === "tool_config") return [{ location: "tools", role: null, index: null, ttl: ttlOf(value) }];
		if (location !== "message") return [];
		const index = asObject(value)?.["index"];
		const at = typeof index === "string" && /^-?\d+$/.test(index) ? Number(index) : index;
		const isAt = typeof at === "number" && Number.isInteger(at);
		const role = isAt ? null : roleOf(value);
		return isAt || role !== null ? [{ location: "message", role, index: isAt ? at : null, ttl: ttlOf(value) }] : [];
	});
}

function ttlOf(point: unknown): ChatPoint["ttl"] {
	const ttl = textOf(asObject(point)?.["control"], "ttl");
	return ttl === "5m" || ttl === "1h" ? ttl : null;
}

function roleOf(point: unknown): ChatPoint["role"] {
	const role = textOf(point, "role");
	return role === "system" || role === "user" || role === "assistant" ? role : null;
}

/**
 * The request with markers at the points, in their order and the tools' first, up to four with the client's own; what the client marked is
 * left alone. Of a role with more messages than there is room for, the last ones are marked. The same object when there is nothing to mark.
 */
export function markChat(chat: JsonObject, points: readonly ChatPoint[]): JsonObject {
	const messages = asList(chat["messages"]).map(asObject);
	const tools = asList(chat["tools"]).map(asObject);
	let room = MOST_MARKERS - [...messages, ...tools].reduce((sum, each) => sum + markersIn(each), 0);
	const marked = new Map<JsonObject, Draft>();
	const ofTools = points.filter(({ location }) => location === "tools");
	for (const point of [...ofTools, ...points.filter(({ location }) => location !== "tools")]) {
		const about = { list: point.location === "tools" ? tools : messages, isTool: point.location === "tools" };
		for (const target of targetsOf(about.list, point)) {
			if (room <= 0 || marked.has(target) || markersIn(target) > 0) continue;
			if (about.isTool ? tools.some((tool) => markersIn(tool) > 0) : !hasContent(target)) continue;
			const marker = point.ttl === null ? { type: "ephemeral" } : { type: "ephemeral", ttl: point.ttl };
			marked.set(target, { ...target, cache_control: marker });
			room -= 1;
		}
	}
	if (marked.size === 0) return chat;
	const replaced = (value: unknown) => marked.get(asObject(value) ?? {}) ?? value;
	const out: Draft = { ...chat, messages: asList(chat["messages"]).map(replaced) };
	if (tools.length > 0) out["tools"] = asList(chat["tools"]).map(replaced);
	return out;
}

function targetsOf(list: readonly (JsonObject | null)[], { location, role, index }: ChatPoint): readonly JsonObject[] {
	const known = list.filter((each) => each !== null);
	if (location === "tools") return known.slice(-1);
	if (index !== null) {
		const found = list.at(index);
		return found === undefined || found === null ? [] : [found];
	}
	// As prompt/inject does it, for the reason in docs/decisions/2026-11-22-a-roles-last-messages-are-marked.md.
	const markable = known.filter((each) => each["role"] === role && hasContent(each) && markersIn(each) === 0);
	return markable.slice(-MOST_MARKERS).reverse();
}

function hasContent(message: JsonObject): boolean {
	const { content } = message;
	return typeof content === "string"
		? content !== ""
		: asList(content).length > 0 || asList(message["tool_calls"]).length > 0;
}

function markersIn(value: JsonObject | null): number {
	if (value === null) return 0;
	const own = asObject(value["cache_control"]) === null ? 0 : 1;
	const described = asObject(asObject(value["function"])?.["cache_control"]) === null ? 0 : 1;
	const inner = asList(value["content"]).filter((part) => asObject(asObject(part)?.["cache_control"]) !== null);
	return own + described + inner.length;
}
