// Configurations for tests, from the sections that matter to them. Leaves nothing to others.
import { parseConfig } from "../load.ts";
import { formatDiagnostic } from "../report.ts";
import type { Config } from "../schema.ts";

/** Groups `a`, `b` and `c-*` with a deployment each, on lines 1 to 4. */
export const GROUPS = `model_list:
  - {model_name: a, litellm_params: {model: anthropic/x, api_key: sk-ant-0123456789}}
  - {model_name: b, litellm_params: {model: anthropic/y, api_key: sk-ant-0123456789}}
  - {model_name: c-*, litellm_params: {model: anthropic/c-*, api_key: sk-ant-0123456789}}
`;

/** The configuration of {@link GROUPS} and `rest`, which begins on line 5; throws where it has a fault. */
export function configOf(rest: string): Config {
	const result = parseConfig(GROUPS + rest, { path: "config.yaml", env: {} });
	if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join("\n"));
	return result.config;
}

/** Every fault and warning of {@link GROUPS} and `rest`, as people read it. */
export function remarksOf(rest: string): string[] {
	const result = parseConfig(GROUPS + rest, { path: "config.yaml", env: {} });
	return (result.ok ? result.config.warnings : result.diagnostics).map(formatDiagnostic);
}
