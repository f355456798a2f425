// What of a prompt the gateway marks for caching: the options of a deployment that say so. Leaves doing it to proxy/marking.
import * as z from "zod";
import { option, optional } from "../section.ts";
import type { LitellmSettings } from "./litellm-settings.ts";

const ttl = (description: string) => optional(z.enum(["5m", "1h"]), description);

const markerSchema = z.strictObject({
	type: option(z.literal("ephemeral"), "ephemeral", "ephemeral."),
	ttl: ttl("Lifetime of the cache entry. Default: 5m."),
});

const wholeNumber = z.union(
	[
		z.number().int(),
		z
			.string()
			.regex(/^-?\d+$/)
			.transform(Number),
	],
	{ error: "expected a whole number" },
);

const injectionPointSchema = z.strictObject({
	location: z.enum(["message", "tool_config"]).describe("message, or tool_config: the last tool."),
	role: optional(z.enum(["system", "user", "assistant"]), "Every message of this role."),
	index: optional(wholeNumber, "One message, counted from 0; negative: from the end. Wins over role."),
	control: optional(markerSchema, "The marker. Default: {type: ephemeral}."),
});

export const markingOptions = {
	cache_control_injection_points: option(
		z.array(injectionPointSchema),
		[],
		"What of every prompt is marked for caching, unless the client marked it: LiteLLM's list.",
	),
	cache_control: optional(
		z.enum(["auto", "client"]),
		"auto: mark what agents send again (tools, system, last message) where the client marks nothing.",
	),
};

/** One of LiteLLM's `cache_control_injection_points`: what of a prompt the gateway marks for caching. */
interface InjectionPoint {
	/** message: one message, or all of a role · tools: the last tool. */
	readonly location: "message" | "tools";
	/** Of `message`: all of this role; null = `index` says which. */
	readonly role: "system" | "user" | "assistant" | null;
	/** Of `message`: which one, negative from the end; wins over `role`. */
	readonly index: number | null;
	/** null = the provider's default. */
	readonly ttl: "5m" | "1h" | null;
}

/** What the gateway marks by itself. */
export interface MarkingConfig {
	/** `litellm_params.cache_control: auto`: tools, system and last message, while the client marks nothing and its writes are read. */
	readonly auto: boolean;
	/** `litellm_params.cache_control_injection_points`, in order; they win over `auto`. */
	readonly points: readonly InjectionPoint[];
	/** `litellm_settings.anthropic_prompt_caching_ttl`, for `auto`; null = the provider's default. */
	readonly ttl: "5m" | "1h" | null;
}

interface Written {
	readonly cache_control?: "auto" | "client" | undefined;
	readonly cache_control_injection_points: readonly z.output<typeof injectionPointSchema>[];
}

/** What of a prompt is marked by the gateway; null = nothing. */
export function markingOf(params: Written, litellm: LitellmSettings): MarkingConfig | null {
	const points = params.cache_control_injection_points.map(({ location, role, index, control }): InjectionPoint => {
		const isMessage = location === "message";
		return {
			location: isMessage ? "message" : "tools",
			role: isMessage && index === undefined ? (role ?? null) : null,
			index: isMessage ? (index ?? null) : null,
			ttl: control?.ttl ?? null,
		};
	});
	const everywhere = litellm.enable_anthropic_prompt_caching === true;
	const auto = params.cache_control === "auto" || (params.cache_control === undefined && everywhere);
	return points.length === 0 && !auto ? null : { auto, points, ttl: litellm.anthropic_prompt_caching_ttl ?? null };
}
