package protocol

import "net/http"

// endpoint is what a path means.
type endpoint struct {
	protocol  Protocol // None: the headers say it
	operation Operation
	method    string
}

// endpoints are the paths that are built and hold no model's name.
var endpoints = map[string]endpoint{
	"/v1/chat/completions":      {Chat, Generate, http.MethodPost},
	"/v1/embeddings":            {Chat, Embed, http.MethodPost},
	"/v1/responses":             {Responses, Generate, http.MethodPost},
	"/v1/messages":              {Messages, Generate, http.MethodPost},
	"/v1/messages/count_tokens": {Messages, CountTokens, http.MethodPost},
	"/v1/models":                {None, ListModels, http.MethodGet},
	"/v1beta/models":            {Gemini, ListModels, http.MethodGet},
	"/v1/aiproxy/me":            {None, Me, http.MethodGet},
	"/v1/aiproxy/ready":         {None, Ready, http.MethodGet},
	"/v1/aiproxy/live":          {None, Live, http.MethodGet},
}

// actions are the verbs after the last colon of Gemini's paths.
var actions = map[string]struct {
	operation Operation
	stream    bool
}{
	"generateContent":       {Generate, false},
	"streamGenerateContent": {Generate, true},
	"countTokens":           {CountTokens, false},
	"embedContent":          {Embed, false},
	"batchEmbedContents":    {BatchEmbed, false},
}

// actionsNotBuilt are verbs that Google has and we have not, with what they do.
var actionsNotBuilt = map[string]string{
	"asyncBatchEmbedContent": "batch jobs of embeddings",
	"batchEmbedText":         "text embeddings of PaLM",
	"batchGenerateContent":   "batch jobs",
	"computeTokens":          "token ids",
	"countMessageTokens":     "token counts of PaLM",
	"countTextTokens":        "token counts of PaLM",
	"embedText":              "text embeddings of PaLM",
	"fetchPredictOperation":  "long-running predictions",
	"generateAnswer":         "grounded answers",
	"generateMessage":        "messages of PaLM",
	"generateText":           "text of PaLM",
	"predict":                "predictions (images)",
	"predictLongRunning":     "long-running predictions (video)",
	"rawPredict":             "raw predictions",
	"streamRawPredict":       "raw predictions",
	"transferOwnership":      "tuned models",
}

// unbuilt is an API that a vendor has and we have not.
type unbuilt struct {
	protocol Protocol // None: the headers say it
	what     string
}

// notBuilt are those APIs by what follows the version in their paths: the
// first segment or the first two. What lies below belongs to the same API.
var notBuilt = map[string]unbuilt{
	// OpenAI and those who copy it.
	"assistants":       {Chat, "assistants"},
	"audio":            {Chat, "audio"},
	"chat/completions": {Chat, "stored chat completions"},
	"chatkit":          {Chat, "chatkit"},
	"completions":      {Chat, "legacy completions"},
	"containers":       {Chat, "containers"},
	"conversations":    {Responses, "conversations"},
	"edits":            {Chat, "legacy edits"},
	"engines":          {Chat, "engines"},
	"evals":            {Chat, "evals"},
	"fine_tuning":      {Chat, "fine-tuning"},
	"images":           {Chat, "images"},
	"moderations":      {Chat, "moderations"},
	"ocr":              {Chat, "document parsing"},
	"organization":     {Chat, "administration of the provider's organization"},
	"parse":            {Chat, "document parsing"},
	"projects":         {Chat, "administration of the provider's projects"},
	"realtime":         {Chat, "realtime sessions"},
	"rerank":           {Chat, "rerank"},
	"threads":          {Chat, "threads"},
	"uploads":          {Chat, "uploads"},
	"vector_stores":    {Chat, "vector stores"},
	"video":            {Chat, "video"},
	"videos":           {Chat, "video"},

	"responses/compact":      {Responses, "compaction of responses"},
	"responses/input_tokens": {Responses, "token counts of responses"},
	"responses":              {Responses, "stored responses"},

	// Anthropic.
	"agents":           {Messages, "agents"},
	"complete":         {Messages, "legacy text completions"},
	"environments":     {Messages, "environments"},
	"memory_stores":    {Messages, "memory stores"},
	"messages/batches": {Messages, "batches of messages"},
	"organizations":    {Messages, "administration of the provider's organization"},
	"sessions":         {Messages, "agent sessions"},

	// Google.
	"cachedContents":   {Gemini, "cached contents"},
	"corpora":          {Gemini, "corpora"},
	"dynamic":          {Gemini, "dynamic models"},
	"fileSearchStores": {Gemini, "file search stores"},
	"generatedFiles":   {Gemini, "generated files"},
	"interactions":     {Gemini, "interactions"},
	"operations":       {Gemini, "operations"},
	"tunedModels":      {Gemini, "tuned models"},

	// More than one vendor.
	"batches": {None, "batches"},
	"files":   {None, "files"},
	"skills":  {None, "skills"},
}
