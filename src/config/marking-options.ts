// What of a prompt the gateway marks for caching, as the configuration says it. Leaves doing it to proxy/marking.

/** One of LiteLLM's `cache_control_injection_points`: what of a prompt the gateway marks for caching. */
export interface InjectionPoint {
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
