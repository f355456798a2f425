// Provider kind → factory: the only place that names them all.
import type { DeploymentConfig, ProviderKind } from "../config/schema.ts";
import { anthropicProvider } from "./anthropic.ts";
import { awsClaudeProvider } from "./aws-claude.ts";
import { bedrockProvider } from "./bedrock.ts";
import { foundryProvider } from "./foundry.ts";
import { googleClaudeProvider } from "./google-claude.ts";
import { openaiProvider } from "./openai.ts";
import type { Provider, ProviderDeps, ProviderFactory } from "./provider.ts";
import { vertexProvider } from "./vertex.ts";

const FACTORIES: Readonly<Record<ProviderKind, ProviderFactory>> = {
	anthropic: anthropicProvider,
	anthropic_aws: awsClaudeProvider,
	anthropic_google_cloud: googleClaudeProvider,
	bedrock: bedrockProvider,
	vertex: vertexProvider,
	foundry: foundryProvider,
	openai: openaiProvider,
};

/** The provider of a deployment. */
export function createProvider(config: DeploymentConfig, deps: ProviderDeps): Provider {
	return FACTORIES[config.provider](config, deps);
}

/** What providers share; one a process. */
export function createProviderDeps(options: Pick<ProviderDeps, "now" | "warn">): ProviderDeps {
	return { ...options, awsAccounts: new Map() };
}
