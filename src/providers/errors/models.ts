// Errors about one model that servers of every family send in much the same words: it is not there, or this credential may not use it. Leaves
// the platforms' own words to their tables.
import type { ErrorRule } from "./judge.ts";

export const MODELS: readonly ErrorRule[] = [
	{
		codes: [
			"key_model_access_denied",
			"team_model_access_denied",
			"user_model_access_denied",
			"org_model_access_denied",
		],
		scope: "model",
		errorClass: "notFound",
		reason: "its key may not use this model",
		source: "LiteLLM 401 and 403, error types",
	},
	{
		status: [400, 401, 403],
		says: /\b(?:key|team|user|organi[sz]ation|project) not allowed to access model|无权(?:使用|访问)模型/i,
		scope: "model",
		errorClass: "notFound",
		reason: "its key may not use this model",
		source: "LiteLLM, 'key not allowed to access model', with 401 as well; new-api 403",
	},
	{
		status: [404, 503, 529],
		codes: ["model_not_found"],
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "new-api 503, 'No available channel for model …'",
	},
	{
		status: [400, 403, 404, 503, 529],
		says: /no available channel for model|模型.{0,120}无可用渠道|no endpoints found (?:for|matching your data policy)|no allowed providers are available for the selected model/i,
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "new-api and one-api 503; OpenRouter 404",
	},
	{
		status: [400, 404],
		codes: ["invalid_model", "model_decommissioned", "unknown_model", "1211"],
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "Mistral, Groq, GitHub Models and z.ai, error codes",
	},
	{
		status: [400, 404],
		says: /\bis not a valid model\b|\bmodel not exist\b|\b(?:invalid|unknown|unavailable) model(?: name| id)?\b(?:: | passed\b)|\bmodel\b.{0,120}\b(?:has been (?:decommissioned|deprecated|retired|shut ?down)|is not loaded)|\bnot found the model\b|\bmodels\/\S+ is not found for api version|模型不存在/i,
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "OpenRouter and DeepSeek 400, LiteLLM 400, Groq 400, LM Studio 400, Moonshot 404, Gemini 404, z.ai 400",
	},
];
