package openai

// providers is the table of providers, sorted by name but for the first two.
// Above each row is the vendor's page; it is what the row is to agree with. The
// base URLs of rows with an asterisk were not read there, but are those that
// labring/aiproxy calls. A quirk is set where a source says so, and else the
// row is as OpenAI: a path that a vendor has not is its 404 to answer. Vendors
// with several sites have the one that is open to everybody; a channel's
// base_url names another. Where a vendor has the Responses API under another
// address than chat, its row has chat alone.
var providers = []provider{
	// https://platform.openai.com/docs/api-reference
	{name: "openai", baseURL: "https://api.openai.com/v1", protocols: chatResponses},

	// Any server that is not in the table: base_url has to be set. Whether it
	// wants a key is its own affair.
	{name: "compatible", protocols: chat, noKey: true},

	// * https://ai.360.cn/platform/docs
	{name: "ai360", baseURL: "https://ai.360.cn/v1", protocols: chat},
	// * Ant Ling; https://www.tbox.cn
	{name: "antling", baseURL: "https://api.tbox.cn/api/llm/v1", protocols: chat, noEmbeddings: true},
	// * https://platform.baichuan-ai.com/docs/api
	{name: "baichuan", baseURL: "https://api.baichuan-ai.com/v1", protocols: chat},
	// https://inference-docs.cerebras.ai
	{name: "cerebras", baseURL: "https://api.cerebras.ai/v1", protocols: chat, noEmbeddings: true},
	// https://docs.cohere.com/docs/compatibility-api. It refuses stream_options
	// (https://strandsagents.com/docs/user-guide/concepts/model-providers/cohere/).
	{name: "cohere", baseURL: "https://api.cohere.ai/compatibility/v1", protocols: chat, noStreamOptions: true},
	// https://deepinfra.com/docs/advanced/openai_api
	{name: "deepinfra", baseURL: "https://api.deepinfra.com/v1/openai", protocols: chat},
	// * https://api-docs.deepseek.com
	{name: "deepseek", baseURL: "https://api.deepseek.com/v1", protocols: chat, noEmbeddings: true},
	// Volcengine Ark; https://www.volcengine.com/docs/82379/1330310
	{name: "doubao", baseURL: "https://ark.cn-beijing.volces.com/api/v3", protocols: chatResponses},
	// https://docs.fireworks.ai/tools-sdks/openai-compatibility. The last chunk
	// of a stream has usage, unasked.
	{name: "fireworks", baseURL: "https://api.fireworks.ai/inference/v1", protocols: chat, noStreamOptions: true},
	// * Gemini under OpenAI's API; https://ai.google.dev/gemini-api/docs/openai.
	// The adaptor gemini speaks its own.
	{name: "gemini", baseURL: "https://generativelanguage.googleapis.com/v1beta/openai", protocols: chat},
	// https://console.groq.com/docs/openai
	{name: "groq", baseURL: "https://api.groq.com/openai/v1", protocols: chatResponses, noEmbeddings: true},
	// * https://cloud.tencent.com/document/product/1729/111007
	{name: "hunyuan", baseURL: "https://api.hunyuan.cloud.tencent.com/v1", protocols: chat},
	// * https://jina.ai/embeddings
	{name: "jina", baseURL: "https://api.jina.ai/v1", protocols: chat, noGenerate: true},
	// * https://platform.lingyiwanwu.com/docs
	{name: "lingyiwanwu", baseURL: "https://api.lingyiwanwu.com/v1", protocols: chat},
	// https://lmstudio.ai/docs/api/openai-api
	{name: "lmstudio", baseURL: "http://localhost:1234/v1", protocols: chatResponses, noKey: true},
	// https://platform.minimax.io/docs/api-reference/text-openai-api. In China
	// it is https://api.minimaxi.com/v1. Its /embeddings is not OpenAI's.
	{name: "minimax", baseURL: "https://api.minimax.io/v1", protocols: chatResponses, noEmbeddings: true},
	// https://docs.mistral.ai/api. It answers 422 to stream_options, and the
	// last chunk of a stream has usage, unasked
	// (https://github.com/openai/openai-agents-python/issues/442).
	{name: "mistral", baseURL: "https://api.mistral.ai/v1", protocols: chat, noStreamOptions: true},
	// https://platform.moonshot.ai/docs. In China it is
	// https://api.moonshot.cn/v1.
	{name: "moonshot", baseURL: "https://api.moonshot.ai/v1", protocols: chat, noEmbeddings: true},
	// https://novita.ai/docs/guides/llm-api
	{name: "novita", baseURL: "https://api.novita.ai/openai/v1", protocols: chat},
	// https://docs.api.nvidia.com/nim/reference
	{name: "nvidia", baseURL: "https://integrate.api.nvidia.com/v1", protocols: chat},
	// https://docs.ollama.com/api/openai-compatibility
	{name: "ollama", baseURL: "http://localhost:11434/v1", protocols: chatResponses, noKey: true},
	// https://openrouter.ai/docs/api-reference/overview
	{name: "openrouter", baseURL: "https://openrouter.ai/api/v1", protocols: chatResponses},
	// https://docs.perplexity.ai/docs/agent-api/migrate-from-sonar/overview.
	// Its chat completions ended on 27 September 2026.
	{name: "perplexity", baseURL: "https://api.perplexity.ai/v1", protocols: responses, noEmbeddings: true},
	// * https://cloud.baidu.com/doc/qianfan-api/index.html
	{name: "qianfan", baseURL: "https://qianfan.baidubce.com/v2", protocols: chat},
	// https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope.
	// Outside China it is https://dashscope-intl.aliyuncs.com/compatible-mode/v1.
	{name: "qwen", baseURL: "https://dashscope.aliyuncs.com/compatible-mode/v1", protocols: chat},
	// * https://docs.siliconflow.cn/cn/api-reference/chat-completions/chat-completions
	{name: "siliconflow", baseURL: "https://api.siliconflow.cn/v1", protocols: chat},
	// * https://platform.stepfun.com/docs
	{name: "stepfun", baseURL: "https://api.stepfun.com/v1", protocols: chat},
	// * https://www.streamlake.com/document/WANQING
	{name: "streamlake", baseURL: "https://wanqing.streamlakeapi.com/api/gateway/v1/endpoints", protocols: chat, noEmbeddings: true},
	// Text Embeddings Inference, the operator's own server;
	// https://huggingface.co/docs/text-embeddings-inference
	{name: "tei", protocols: chat, noGenerate: true, noKey: true},
	// https://docs.together.ai/docs/inference/openai-compatibility
	{name: "together", baseURL: "https://api.together.ai/v1", protocols: chat},
	// https://docs.vllm.ai/en/latest/serving/online_serving/
	{name: "vllm", baseURL: "http://localhost:8000/v1", protocols: chatResponses, noKey: true},
	// https://docs.x.ai/developers/model-capabilities/text/comparison. Its chat
	// completions are deprecated, so responses come first.
	{name: "xai", baseURL: "https://api.x.ai/v1", protocols: responsesChat},
	// * https://www.xfyun.cn/doc/spark/HTTP%E8%B0%83%E7%94%A8%E6%96%87%E6%A1%A3.html
	{name: "xunfei", baseURL: "https://spark-api-open.xf-yun.com/v1", protocols: chat, noEmbeddings: true},
	// Zhipu's site outside China; https://docs.z.ai/guides/develop/openai/python
	{name: "zai", baseURL: "https://api.z.ai/api/paas/v4", protocols: chat},
	// * https://docs.bigmodel.cn
	{name: "zhipu", baseURL: "https://open.bigmodel.cn/api/paas/v4", protocols: chat},
	// * Zhipu's coding plan; https://docs.bigmodel.cn
	{name: "zhipu_coding", baseURL: "https://open.bigmodel.cn/api/coding/paas/v4", protocols: chat, noEmbeddings: true},
}
