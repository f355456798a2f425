// The environment in which Claude Code reaches the gateway and nothing else: a table of what would lead it past, by kinds of names, so that
// variables of versions to come are covered. Leaves starting it to commands/claude.

interface Rule {
	readonly names: RegExp;
	/** Names of the same form that lead nowhere. */
	readonly except?: RegExp;
}

/**
 * Variables that choose another provider or address, or hold a credential of the provider. Names: Claude Code's documentation of its
 * variables (code.claude.com/docs/en/env-vars), and those that its release 2.1.330 reads. Credentials of clouds in general (`AWS_PROFILE`,
 * `GOOGLE_APPLICATION_CREDENTIALS`) stay: the user's own tools need them, and without the others the client does not look at them.
 */
const PAST_THE_GATEWAY: readonly Rule[] = [
	// ANTHROPIC_API_KEY, ANTHROPIC_BEDROCK_BASE_URL, ANTHROPIC_FOUNDRY_RESOURCE, ANTHROPIC_UNIX_SOCKET, ANTHROPIC_PROFILE, …
	{
		names: /^ANTHROPIC_/,
		except: /^ANTHROPIC_(MODEL|SMALL_FAST_MODEL|DEFAULT_\w+|CUSTOM_MODEL_OPTION\w*|BETAS|LOG)$/,
	},
	// …_BEDROCK, _VERTEX, _FOUNDRY, _MANTLE, _ANTHROPIC_AWS, _ANTHROPIC_GOOGLE_CLOUD, _GATEWAY, and what comes next.
	{ names: /^CLAUDE_CODE_USE_/, except: /^CLAUDE_CODE_USE_(COWORK_PLUGINS|NATIVE_FILE_SEARCH|POWERSHELL_TOOL)$/ },
	{ names: /^CLAUDE_CODE_SKIP_\w+_AUTH$/ },
	{ names: /^CLAUDE_CODE_(\w+_)?(OAUTH|API_KEY|BASE_URL|CREDS|BEARER|AUTH|(ACCESS|GATEWAY)_TOKEN)(_|$)/ },
	{ names: /^CLAUDE_CODE_(\w+_)?(PROXY_HOST|PROXY_PORT|PROXY_URL|MODEL_SOCKET)$/ },
	{ names: /^CLAUDE_(BRIDGE|LOCAL_OAUTH|TRUSTED_DEVICE)_|^USE_(LOCAL|STAGING)_OAUTH$/ },
	{ names: /^AWS_BEARER_TOKEN_/ },
];

/** Headers that say who somebody is, or to whose account a request belongs. */
const CREDENTIAL_HEADER =
	/auth|api-?key|token|secret|cookie|credential|subscription-key|^x-goog-|^x-amz-|workspace|organization/i;
const CREDENTIAL_VALUE = /\bsk-ant-|^\s*bearer\s/i;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0)$/i;
const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "::1"];

/** Whether a variable would lead Claude Code past the gateway, or give it a credential of the provider. */
export function leadsPast(name: string): boolean {
	const upper = name.toUpperCase();
	return PAST_THE_GATEWAY.some(({ names, except }) => names.test(upper) && except?.test(upper) !== true);
}

/** What Claude Code must know about the gateway, and nothing that leads it elsewhere. */
export function claudeEnvironment(
	env: Readonly<NodeJS.ProcessEnv>,
	about: { readonly gateway: string; readonly model: string; readonly key: string },
): NodeJS.ProcessEnv {
	const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !leadsPast(name)));
	const headers = plainHeaders(env["ANTHROPIC_CUSTOM_HEADERS"] ?? "");
	return {
		...kept,
		...withoutProxy(kept, about.gateway),
		...(headers === "" ? {} : { ANTHROPIC_CUSTOM_HEADERS: headers }),
		ANTHROPIC_BASE_URL: about.gateway,
		ANTHROPIC_AUTH_TOKEN: about.key,
		ANTHROPIC_MODEL: about.model,
		// Small background calls use this model; the gateway may have no other group.
		ANTHROPIC_DEFAULT_HAIKU_MODEL: env["ANTHROPIC_DEFAULT_HAIKU_MODEL"] ?? about.model,
		// Lets the gateway tell main turns, subagents and compaction apart.
		CLAUDE_CODE_GATEWAY_HINT_HEADERS: env["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] ?? "1",
		// Settings files may hold all of the same variables; with this the client ignores those that choose a provider.
		CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST: "1",
	};
}

/** The user's own key for the gateway, out of variables; never one of the provider's. */
export function gatewayKeyOf(env: Readonly<NodeJS.ProcessEnv>): string | null {
	const names = ["WARMPATH_KEY", "ANTHROPIC_AUTH_TOKEN", "WARMPATH_MASTER_KEY", "LITELLM_MASTER_KEY"];
	const found = names.map((name) => env[name]).find((value) => value !== undefined && !CREDENTIAL_VALUE.test(value));
	return found ?? null;
}

/** Lines `name: value` without those that are a credential. */
function plainHeaders(lines: string): string {
	return lines
		.split("\n")
		.filter((line) => {
			const [name = "", ...value] = line.split(":");
			return line.trim() !== "" && !CREDENTIAL_HEADER.test(name.trim()) && !CREDENTIAL_VALUE.test(value.join(":"));
		})
		.join("\n");
}

/** A proxy cannot reach a gateway on this machine, and has no business with what is said to it. */
function withoutProxy(env: Readonly<NodeJS.ProcessEnv>, gateway: string): NodeJS.ProcessEnv {
	const host = URL.canParse(gateway) ? new URL(gateway).hostname : "";
	if (!LOOPBACK.test(host)) return {};
	const names = [env["NO_PROXY"], env["no_proxy"], ...LOOPBACK_NAMES].flatMap((list) => (list ?? "").split(","));
	const list = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))].join(",");
	return { NO_PROXY: list, no_proxy: list };
}
