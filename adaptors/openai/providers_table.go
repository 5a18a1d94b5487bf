package openai

// providers is the table of providers, sorted by name but for the first. Each
// row is what the vendor's page above it documents.
var providers = []provider{
	// https://platform.openai.com/docs/api-reference
	{name: "openai", baseURL: "https://api.openai.com/v1", protocols: chatResponses},

	// Any server that is not in the table; base_url has to be set.
	{name: "compatible", protocols: chat, noKey: true},
	// https://api-docs.deepseek.com
	{name: "deepseek", baseURL: "https://api.deepseek.com/v1", protocols: chat, noEmbeddings: true},
}
