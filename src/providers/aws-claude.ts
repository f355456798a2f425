// Claude Platform on AWS: Anthropic's own API and features behind AWS's credentials and bill (providers §4). Leaves credentials
// and signatures to the aws files.
import type { DeploymentConfig } from "../config/schema.ts";
import { readRateLimits } from "../protocol/ratelimits.ts";
import { awsOptions } from "./aws-credentials.ts";
import { canonicalAws, refusesCredentials } from "./aws-judge.ts";
import { createAwsService } from "./aws-request.ts";
import { isSignedMessagesHeader, nativeHeaders } from "./bedrock.ts";
import { judgeAws } from "./errors/aws.ts";
import { messagesBody } from "./messages-body.ts";
import { fitOptions, fitToPlatform } from "./platform-rules.ts";
import type { Provider, ProviderDeps } from "./provider.ts";

const SERVICE = "aws-external-anthropic";
/** The platform refuses requests without it. */
const WORKSPACE_HEADER = "anthropic-workspace-id";

/** An `anthropic_aws/…` deployment. Its answers name organisation and workspace, as the first-party API's do. */
export function awsClaudeProvider(config: DeploymentConfig, deps: ProviderDeps): Provider {
	const { apiKey, apiBase, extra } = config.credentials;
	const key = apiKey?.reveal() ?? null;
	const upstream = createAwsService(
		{
			service: SERVICE,
			endpoint: apiBase === null ? null : apiBase.replace(/\/+$/, "").replace(/\/v1(\/messages)?$/, ""),
			publicEndpoint: (region) => `https://${SERVICE}.${region}.api.aws`,
			apiKey: key === null ? null : ["x-api-key", key],
			aws: awsOptions(config),
		},
		deps,
	);
	const workspace = extra["anthropic_workspace_id"];
	const headers =
		typeof workspace === "string" ? { ...config.extraHeaders, [WORKSPACE_HEADER]: workspace } : config.extraHeaders;

	return {
		kind: "anthropic_aws",
		requestIdHeader: "x-amzn-requestid",
		async prepare(call) {
			const fit = fitToPlatform("anthropic", call, fitOptions(config));
			const sent = await upstream.prepare({
				path: `/v1/messages${call.operation === "count_tokens" ? "/count_tokens" : ""}`,
				query: call.source.format === "anthropic" ? call.query : "",
				headers: nativeHeaders(call, fit.betas, headers),
				body: messagesBody(call, fit),
				isSigned: isSignedMessagesHeader,
			});
			return { ...sent, answer: "messages", removed: fit.removed };
		},
		limits: readRateLimits,
		judge: (failure) => judgeAws(failure, deps.now()),
		canonicalError: canonicalAws,
		failed(failure) {
			if (refusesCredentials(failure)) upstream.refused();
		},
	};
}
