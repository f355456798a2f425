// Tools, tool_choice and output format of the Messages API → Chat Completions'. Leaves names to tool-names and schemas to json-schema.
import { geminiSchema } from "./gemini-schema.ts";
import { asList, asObject, type Draft, type JsonObject, put, textOf } from "./json.ts";
import { functionParameters, isStrict } from "./json-schema.ts";
import { refuse } from "./traits.ts";
import { markerOf, type PartContext } from "./upstream-content.ts";
import type { UpstreamDialect } from "./upstream-dialect.ts";

export interface UpstreamTools {
	readonly tools: readonly Draft[];
	/** Descriptions that are too long for their place, for the system prompt; "" = none. */
	readonly appendix: string;
	/** Tools that only Anthropic runs, by type. */
	readonly removed: readonly string[];
}

/**
 * Tools that a search is to find (`defer_loading`) are sent like others, but behind them: the client adds them in the middle as the model
 * finds them, and what stands before an addition stays cached.
 */
export function upstreamTools(body: JsonObject, context: PartContext): UpstreamTools {
	const given = asList(body["tools"]).map(asObject);
	const known = given.filter((tool) => tool !== null).filter((tool) => asObject(tool["input_schema"]) !== null);
	const named = known.filter((tool) => textOf(tool, "name") !== null);
	const ordered = [
		...named.filter((tool) => tool["defer_loading"] !== true),
		...named.filter((tool) => tool["defer_loading"] === true),
	];
	const most = context.dialect.toolDescription;
	const long = ordered.filter((tool) => most !== null && (textOf(tool, "description") ?? "").length > most);
	return {
		tools: ordered.map((tool) => toolOf(tool, context)),
		appendix: long
			.map((tool) => `# Tool ${context.names.toUpstream(textOf(tool, "name") ?? "")}\n\n${textOf(tool, "description")}`)
			.join("\n\n"),
		removed: given.flatMap((tool) => (tool !== null && !named.includes(tool) ? [serverTool(tool)] : [])),
	};
}

function serverTool(tool: JsonObject): string {
	return textOf(tool, "type") ?? textOf(tool, "name") ?? "tool";
}

function toolOf(tool: JsonObject, context: PartContext): Draft {
	const { dialect, names } = context;
	const described: Draft = { name: names.toUpstream(textOf(tool, "name") ?? "") };
	put(described, "description", shortened(textOf(tool, "description"), dialect.toolDescription));
	const schema = asObject(tool["input_schema"]) ?? {};
	described["parameters"] = functionParameters(schema, dialect.schemas);
	if (tool["strict"] === true && isStrict(schema)) described["strict"] = true;
	const out: Draft = { type: "function", function: described };
	put(out, "cache_control", markerOf(tool, dialect));
	return out;
}

const CONTINUED = " … (continued in the system prompt)";

function shortened(description: string | null, most: number | null): string | null {
	if (description === null || most === null || description.length <= most) return description;
	// Not in the middle of a surrogate pair.
	return description.slice(0, most - CONTINUED.length).replace(/[\ud800-\udbff]$/, "") + CONTINUED;
}

/** `tool_choice` and `parallel_tool_calls`. Throws invalid_field where only a tool that this server cannot run may be called. */
export function putToolChoice(out: Draft, body: JsonObject, about: PartContext & UpstreamTools): void {
	const choice = asObject(body["tool_choice"]);
	const name = textOf(choice, "name");
	const forced = choice?.["type"] === "tool" && name !== null ? name : null;
	const isThere = (wanted: string): boolean => about.tools.some((tool) => textOf(tool["function"], "name") === wanted);
	if (
		about.removed.length > 0 &&
		((forced !== null && !isThere(about.names.toUpstream(forced))) || isLost(choice, about))
	) {
		refuse(
			"tool_choice",
			`'${forced ?? about.removed[0]}' is a tool of Anthropic's own API, and this model is served by another: leave it out`,
		);
	}
	if (about.tools.length === 0) return;
	put(out, "tool_choice", choiceOf(choice, forced === null ? null : about.names.toUpstream(forced)));
	if (choice?.["disable_parallel_tool_use"] === true && about.dialect.parallelToolCalls) {
		out["parallel_tool_calls"] = false;
	}
}

/** Any tool must be called, and none is left. */
function isLost(choice: JsonObject | null, { tools }: UpstreamTools): boolean {
	return choice?.["type"] === "any" && tools.length === 0;
}

function choiceOf(choice: JsonObject | null, forced: string | null): unknown {
	switch (choice?.["type"]) {
		case "any":
			return "required";
		case "none":
		case "auto":
			return choice["type"];
		case "tool":
			return forced === null ? null : { type: "function", function: { name: forced } };
		default:
			return null;
	}
}

/** `output_config.format`, and `output_format` as its beta called it (structured-outputs-2025-11-13). */
export function responseFormat(body: JsonObject, { schemas }: UpstreamDialect): Draft | null {
	const format = asObject(asObject(body["output_config"])?.["format"]) ?? asObject(body["output_format"]);
	const schema = asObject(format?.["schema"]);
	if (format?.["type"] !== "json_schema" || schema === null) return null;
	if (schemas === "gemini")
		return { type: "json_schema", json_schema: { name: "answer", schema: geminiSchema(schema) } };
	return { type: "json_schema", json_schema: { name: "answer", schema, strict: isStrict(schema) } };
}
