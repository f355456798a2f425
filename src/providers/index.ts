// Provider kind → factory: the only place that names them all.
import type { DeploymentConfig, ProviderKind } from "../config/schema.ts";
import { anthropicProvider } from "./anthropic.ts";
import type { Provider, ProviderFactory } from "./provider.ts";

const FACTORIES: Readonly<Partial<Record<ProviderKind, ProviderFactory>>> = { anthropic: anthropicProvider };

/** The provider of a deployment, or null when its kind is not served by this version. */
export function createProvider(config: DeploymentConfig): Provider | null {
	return FACTORIES[config.provider]?.(config) ?? null;
}
