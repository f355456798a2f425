// Conversations that change from request to request in every way a client, right or wrong, may think of. For the tests of prompt/memory.
import fc from "fast-check";
import type { Json, JsonObject } from "./claude-code.ts";
import { type Mutation, mutate, mutation } from "./mutation.ts";

const marker: JsonObject = { type: "ephemeral" };

const text = fc.oneof(
	fc.constantFrom("", "hi", 'say "hi"\n\\', "→ é", "x-anthropic-billing-header: cc=1;"),
	fc.integer({ min: 1, max: 400 }).map((length) => "lorem ipsum\t".repeat(34).slice(0, length)),
	fc.string({ unit: "binary", maxLength: 20 }),
);
const marked = fc.constantFrom<JsonObject>({}, {}, { cache_control: marker }, { cache_control: null });
const base64 = fc.nat(300).map((length) => ({ type: "base64", data: "A".repeat(length) }));
const image = base64.map((source): JsonObject => ({ type: "image", source }));
const textBlock = fc.tuple(text, marked).map(([value, more]): JsonObject => ({ type: "text", text: value, ...more }));
const block: fc.Arbitrary<Json> = fc.oneof(
	{ weight: 8, arbitrary: textBlock },
	{
		weight: 4,
		arbitrary: fc
			.tuple(text, fc.array(fc.oneof({ weight: 5, arbitrary: textBlock }, image), { maxLength: 2 }), fc.boolean())
			.map(([value, list, isList]): JsonObject => ({ type: "tool_result", content: isList ? list : value })),
	},
	{
		weight: 3,
		arbitrary: text.map((value): JsonObject => ({ type: "tool_use", input: { path: value, deep: [[[1]]] } })),
	},
	{ weight: 1, arbitrary: image },
	{ weight: 1, arbitrary: base64.map((source): JsonObject => ({ type: "document", source })) },
	{ weight: 1, arbitrary: fc.constantFrom<Json>(null, 7, "s", [], {}, { cache_control: marker }) },
);
const role = fc.constantFrom("user", "user", "assistant", "system");
const message: fc.Arbitrary<Json> = fc.oneof(
	{
		weight: 10,
		arbitrary: fc
			.tuple(role, fc.oneof(text, fc.array(block, { maxLength: 4 })), fc.nat(5))
			.map(([role, content, form]): JsonObject => {
				if (form === 0) return { content, role, output_config: { effort: "low" } };
				return form === 1 ? { role, cache_control: marker, content } : { role, content };
			}),
	},
	{ weight: 1, arbitrary: fc.constantFrom<Json>(1, 12, "", null, true, [], {}, { role: "user" }, { content: null }) },
);
const messages = fc.array(message, { maxLength: 4 });

/** Members beside the messages. Undefined ones are not sent. */
const setting: fc.Arbitrary<Record<string, Json>> = fc.oneof(
	fc.array(fc.oneof(textBlock, fc.constant<Json>("opaque")), { maxLength: 3 }).map((system) => ({ system })),
	text.map((system) => ({ system })),
	fc
		.array(fc.record({ name: text, defer_loading: fc.boolean() }), { maxLength: 3 })
		.map((tools) => ({ tools: tools.map((tool): Json => tool) })),
	fc.constantFrom<Json>({ type: "adaptive" }, { type: "enabled" }, null).map((thinking) => ({ thinking })),
	fc.constantFrom("m", "n", "n", "").map((model) => ({ model })),
	fc.constantFrom<Json>({ effort: "high" }, { format: {} }, 1).map((output_config) => ({ output_config })),
	fc.boolean().map((stream) => ({ stream })),
	text.map((user_id) => ({ metadata: { user_id } })),
);

/** What happens between two requests. */
type Step =
	| { readonly kind: "grow"; readonly messages: readonly Json[] }
	| { readonly kind: "edit" | "insert"; readonly at: number; readonly message: Json }
	| { readonly kind: "keep" | "flip" | "drop" | "mark"; readonly at: number }
	| { readonly kind: "set"; readonly members: Record<string, Json> }
	| { readonly kind: "compact"; readonly messages: readonly Json[] }
	| { readonly kind: "write"; readonly form: Form }
	| { readonly kind: "depth"; readonly maxDepth: number };

/** How the body is written. */
interface Form {
	readonly isMessagesLast: boolean;
	readonly indent: number;
}

const at = fc.nat(40);
const step: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 10, arbitrary: fc.record({ kind: fc.constant("grow" as const), messages }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("edit" as const, "insert" as const), at, message }) },
	{ weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("keep", "flip", "drop", "mark" as const), at }) },
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("set" as const), members: setting }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("compact" as const), messages }) },
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant("write" as const),
			form: fc.record({ isMessagesLast: fc.boolean(), indent: fc.constantFrom(0, 0, 1) }),
		}),
	},
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("depth" as const), maxDepth: fc.constantFrom(4, 6, 200) }) },
);

/** A body, and under which limit and in which of two conversations it is sent. */
export interface Sent {
	readonly body: Buffer;
	readonly maxDepth: number;
	readonly conversation: number;
}

interface Turn {
	readonly steps: readonly Step[];
	/** Sent spoilt; the next body is made as if it had not been. */
	readonly spoilt: Mutation | null;
	readonly conversation: number;
}

const turn: fc.Arbitrary<Turn> = fc.record({
	steps: fc.array(step, { minLength: 1, maxLength: 3 }),
	spoilt: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, mutation),
	conversation: fc.constantFrom(0, 0, 0, 0, 0, 1),
});

/** The bodies of a conversation in the order in which they are sent. */
export const growing: fc.Arbitrary<Sent[]> = fc
	.tuple(
		fc.array(message, { maxLength: 8 }),
		fc.array(setting, { maxLength: 4 }),
		fc.array(turn, { minLength: 2, maxLength: 8 }),
	)
	.map(([messages, settings, turns]) => {
		const draft: Draft = {
			messages: [...messages],
			members: Object.assign({ model: "m" }, ...settings),
			form: { isMessagesLast: false, indent: 0 },
			maxDepth: 200,
		};
		return [{ steps: [], spoilt: null, conversation: 0 }, ...turns].map(({ steps, spoilt, conversation }) => {
			for (const each of steps) apply(draft, each);
			const whole = encodeDraft(draft);
			return { body: spoilt === null ? whole : mutate(whole, spoilt), maxDepth: draft.maxDepth, conversation };
		});
	});

interface Draft {
	messages: Json[];
	members: Record<string, Json>;
	form: Form;
	maxDepth: number;
}

function apply(draft: Draft, step: Step): void {
	const { messages } = draft;
	switch (step.kind) {
		case "grow":
			messages.push(...step.messages);
			break;
		case "edit":
		case "insert":
			messages.splice(placeOf(step.at, messages), step.kind === "edit" ? 1 : 0, step.message);
			break;
		case "keep":
			messages.length = placeOf(step.at, messages);
			break;
		case "drop":
			messages.splice(placeOf(step.at, messages), 1);
			break;
		case "flip":
		case "mark": {
			const index = placeOf(step.at, messages) - 1;
			const old = messages[index];
			if (old !== undefined) messages[index] = (step.kind === "flip" ? flipped : remarked)(old);
			break;
		}
		case "set":
			Object.assign(draft.members, step.members);
			break;
		case "compact":
			draft.messages = [...step.messages];
			break;
		case "write":
			draft.form = step.form;
			break;
		case "depth":
			draft.maxDepth = step.maxDepth;
	}
}

/** A place among the messages: mostly near the end, as clients do it. */
function placeOf(at: number, { length }: readonly Json[]): number {
	return at < 10 ? at % (length + 1) : Math.max(0, length - (at % 3));
}

/** A string content as a marked list, and such a list as a string. */
function flipped(message: Json): Json {
	const members = message as JsonObject | null;
	const content = members?.["content"];
	if (typeof content === "string") {
		return { ...members, content: [{ type: "text", text: content, cache_control: marker }] };
	}
	const first = Array.isArray(content) ? (content[0] as JsonObject | null | undefined) : undefined;
	const text = first?.["text"];
	return typeof text === "string" ? { ...members, content: text } : message;
}

/** The marker of the last block put on, or taken off. */
function remarked(message: Json): Json {
	const members = message as JsonObject | null;
	const content = members?.["content"];
	const last = Array.isArray(content) ? content.at(-1) : undefined;
	if (!Array.isArray(content) || typeof last !== "object" || last === null || Array.isArray(last)) return message;
	const { cache_control: was, ...plain } = last;
	const next = was === undefined ? { ...plain, cache_control: marker } : plain;
	return { ...members, content: [...content.slice(0, -1), next] };
}

function encodeDraft({ messages, members, form }: Draft): Buffer {
	const { model, ...others } = members;
	const body = form.isMessagesLast ? { model, ...others, messages } : { model, messages, ...others };
	return Buffer.from(JSON.stringify(body, null, form.indent));
}
