// Requests that bring their own provider credential: sent straight on with it, past the router, so that nothing of theirs is learned for
// or by the pooled deployments. Leaves when a credential counts to proxy/admission/authenticate.
import { baseName, fillWildcard, resolveGroup, suggestModel } from "../../config/model-name.ts";
import type { Config, DeploymentConfig } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import { askingForOAuth, isOAuthToken } from "../../protocol/anthropic-oauth.ts";
import type { Call, Provider } from "../../providers/provider.ts";
import { createDeployment, type Deployment } from "../../routing/deployment.ts";
import type { ClientCredential } from "../admission/authenticate.ts";
import { causeInWords } from "../answer/causes.ts";
import type { AttemptRecord, Exchange } from "../exchange.ts";
import { forwardedHeaders } from "../headers.ts";
import type { Asked } from "../request.ts";
import { runAttempt } from "./attempt.ts";
import type { AttemptOutcome } from "./outcome.ts";
import type { DispatchDeps } from "./run-candidate.ts";

/** An upstream address without a credential of ours. */
interface ClientCredentialUpstream {
	/** Named after the deployment whose address it is, and never that deployment itself. */
	readonly deployment: Deployment;
	readonly provider: Provider;
}

/** By deployment id; deployments that take another kind of credential are not in it. */
export type ClientCredentialUpstreams = ReadonlyMap<string, ClientCredentialUpstream>;

/** Deployments' addresses without their credentials. `create` is the provider factory. */
export function clientCredentialUpstreams(
	config: Config,
	create: (config: DeploymentConfig) => Provider,
): ClientCredentialUpstreams {
	const { providerAuth, clientHeaders } = config.passThrough;
	const found = new Map<string, ClientCredentialUpstream>();
	if (!providerAuth && !clientHeaders) return found;
	for (const pooled of config.deployments) {
		if (pooled.provider !== "anthropic") continue;
		const bare: DeploymentConfig = {
			...pooled,
			id: `client-credential:${pooled.id}`,
			credentials: { ...pooled.credentials, apiKey: null, extra: {} },
			extraHeaders: withoutCredentials(pooled.extraHeaders),
		};
		found.set(pooled.id, { deployment: createDeployment(bare), provider: relaying(create(bare)) });
	}
	return found;
}

/** Operators put credentials of proxies there too. */
function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
	const kept = Object.entries(headers).filter(([name]) => !/^(authorization|x-api-key)$/i.test(name));
	return Object.fromEntries(kept);
}

/** Every answer is the client's: it is its own account that refused. */
function relaying(provider: Provider): Provider {
	return {
		...provider,
		judge: (failure) => ({ ...provider.judge(failure), action: failure.status === null ? "next" : "relay" }),
	};
}

/**
 * Sends a request with the client's credential: to the address and by the model name of the first Anthropic deployment of the group it
 * names; a model that is no group goes as it is to the first Anthropic deployment's address. Throws unknown_model,
 * credential_unusable, unavailable or upstream_timeout.
 */
export async function sendWithOwnCredential(
	exchange: Exchange,
	about: {
		readonly asked: Asked;
		readonly credential: ClientCredential;
		readonly upstreams: ClientCredentialUpstreams;
	},
	deps: DispatchDeps,
): Promise<void> {
	const { config } = deps;
	const { asked } = about;
	const { outline } = asked;
	const { upstream, model } = targetOf(outline.model, about.upstreams, config);
	const { header, value } = about.credential;
	const plainCall: Call = {
		operation: exchange.operation,
		path: exchange.path,
		query: exchange.query,
		body: exchange.body,
		members: outline.members,
		history: outline.history,
		stream: outline.stream,
		model,
		betas: asked.betaList,
		headers: [
			...forwardedHeaders(exchange.request.rawHeaders, outline.stream, {
				keyHeader: config.keyHeader,
				ownAccount: true,
			}),
			header,
			value,
		],
		source: exchange.source ?? { format: "anthropic", body: exchange.body },
	};
	const call = isOAuthToken(value.replace(/^Bearer\s+/i, "")) ? askingForOAuth(plainCall) : plainCall;
	const startedAt = deps.now();
	const outcome = await runAttempt({
		exchange,
		provider: upstream.provider,
		request: await upstream.provider.prepare(call),
		pools: deps.pools,
		timeouts: config.timeouts,
		holdMs: config.timeouts.holdMs,
		headers: {
			"x-litellm-call-id": exchange.id,
			"x-litellm-model-id": upstream.deployment.id,
			"x-warmpath-affinity": "off",
			"x-warmpath-reason": "client-credential",
		},
		hasFallback: () => false,
		onStarted: () => {},
	});
	exchange.attempts.push(recordOf(outcome, { deployment: upstream.deployment, startedAt, endedAt: deps.now() }));
	if (outcome.kind !== "failed") return;
	const attempts = `1 attempt: ${causeInWords(outcome.answer.code)}`;
	throw new GatewayError(outcome.answer.kind === "timeout" ? "upstream_timeout" : "unavailable", { model, attempts });
}

function targetOf(
	model: string,
	upstreams: ClientCredentialUpstreams,
	config: Config,
): { upstream: ClientCredentialUpstream; model: string } {
	const resolved = resolveGroup(config, model);
	if (resolved === null) {
		const [first] = upstreams.values();
		if (first !== undefined) return { upstream: first, model: baseName(model) };
		throw new GatewayError("unknown_model", { model, suggestion: suggestModel(config, model) });
	}
	for (const { id, upstreamModel } of resolved.group.deployments) {
		const upstream = upstreams.get(id);
		if (upstream !== undefined) return { upstream, model: fillWildcard(upstreamModel, resolved.wildcard) };
	}
	throw new GatewayError("credential_unusable", { model });
}

function recordOf(
	outcome: AttemptOutcome,
	about: Pick<AttemptRecord, "deployment" | "startedAt" | "endedAt">,
): AttemptRecord {
	const ended = { ...about, outcome: outcome.kind };
	switch (outcome.kind) {
		case "failed":
			return { ...ended, status: outcome.answer.failure.status, error: outcome.answer.code };
		case "served":
			return { ...ended, status: outcome.status, error: "" };
		case "broke":
			return { ...ended, status: outcome.status, error: outcome.code };
		case "aborted":
			return { ...ended, status: null, error: "" };
	}
}
