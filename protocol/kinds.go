package protocol

// Row is an error's kind in the words of one protocol.
type Row struct {
	// Status is the HTTP status.
	Status int
	// Type is error.type (OpenAI, Anthropic) or error.status (Google).
	Type string
	// Code is error.code of OpenAI; empty where OpenAI sends null.
	Code string
}

var kindNames = [...]string{
	KindInternal:        "internal",
	KindInvalid:         "invalid",
	KindUnauthenticated: "unauthenticated",
	KindForbidden:       "forbidden",
	KindModelNotFound:   "model_not_found",
	KindNotFound:        "not_found",
	KindMethod:          "method",
	KindTimeout:         "timeout",
	KindTooLarge:        "too_large",
	KindRateLimited:     "rate_limited",
	KindNotBuilt:        "not_built",
	KindUpstream:        "upstream",
	KindOverloaded:      "overloaded",
	KindUpstreamTimeout: "upstream_timeout",
}

// String returns the word for logs and metrics.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// openAIKinds serves Chat and Responses.
var openAIKinds = [...]Row{
	KindInternal:        {500, "server_error", "internal_error"},
	KindInvalid:         {400, "invalid_request_error", ""},
	KindUnauthenticated: {401, "invalid_request_error", "invalid_api_key"},
	KindForbidden:       {403, "invalid_request_error", "permission_denied"},
	KindModelNotFound:   {404, "invalid_request_error", "model_not_found"},
	KindNotFound:        {404, "invalid_request_error", "not_found"},
	KindMethod:          {405, "invalid_request_error", "method_not_allowed"},
	KindTimeout:         {408, "invalid_request_error", "request_timeout"},
	KindTooLarge:        {413, "invalid_request_error", "request_too_large"},
	KindRateLimited:     {429, "rate_limit_error", "rate_limit_exceeded"},
	KindNotBuilt:        {501, "invalid_request_error", "not_built"},
	KindUpstream:        {502, "server_error", "upstream_error"},
	KindOverloaded:      {503, "server_error", "overloaded"},
	KindUpstreamTimeout: {504, "server_error", "upstream_timeout"},
}

var anthropicKinds = [...]Row{
	KindInternal:        {500, "api_error", ""},
	KindInvalid:         {400, "invalid_request_error", ""},
	KindUnauthenticated: {401, "authentication_error", ""},
	KindForbidden:       {403, "permission_error", ""},
	KindModelNotFound:   {404, "not_found_error", ""},
	KindNotFound:        {404, "not_found_error", ""},
	KindMethod:          {405, "invalid_request_error", ""},
	KindTimeout:         {408, "timeout_error", ""},
	KindTooLarge:        {413, "request_too_large", ""},
	KindRateLimited:     {429, "rate_limit_error", ""},
	KindNotBuilt:        {501, "invalid_request_error", ""},
	KindUpstream:        {502, "api_error", ""},
	KindOverloaded:      {529, "overloaded_error", ""},
	KindUpstreamTimeout: {504, "timeout_error", ""},
}

var googleKinds = [...]Row{
	KindInternal:        {500, "INTERNAL", ""},
	KindInvalid:         {400, "INVALID_ARGUMENT", ""},
	KindUnauthenticated: {401, "UNAUTHENTICATED", ""},
	KindForbidden:       {403, "PERMISSION_DENIED", ""},
	KindModelNotFound:   {404, "NOT_FOUND", ""},
	KindNotFound:        {404, "NOT_FOUND", ""},
	KindMethod:          {405, "INVALID_ARGUMENT", ""},
	KindTimeout:         {408, "DEADLINE_EXCEEDED", ""},
	KindTooLarge:        {413, "INVALID_ARGUMENT", ""},
	KindRateLimited:     {429, "RESOURCE_EXHAUSTED", ""},
	KindNotBuilt:        {501, "UNIMPLEMENTED", ""},
	KindUpstream:        {502, "UNAVAILABLE", ""},
	KindOverloaded:      {503, "UNAVAILABLE", ""},
	KindUpstreamTimeout: {504, "DEADLINE_EXCEEDED", ""},
}

// In returns the kind in the words of a protocol (OpenAI's for None).
func (k Kind) In(p Protocol) Row {
	table := openAIKinds[:]
	switch p {
	case Messages:
		table = anthropicKinds[:]
	case Gemini:
		table = googleKinds[:]
	}
	if int(k) >= len(table) {
		k = KindInternal
	}
	return table[k]
}

// FailureKind returns the kind of an error that an upstream gave an HTTP status.
// 401, 402 and 403 are about the gateway's own account there, and not for the
// client to read. What has no better kind is KindUpstream.
func FailureKind(status int) Kind {
	switch status {
	case 400, 409, 415, 422:
		return KindInvalid
	case 401:
		return KindUnauthenticated
	case 402, 403:
		return KindForbidden
	case 413:
		return KindTooLarge
	case 429:
		return KindRateLimited
	case 503, 529:
		return KindOverloaded
	case 408, 504:
		return KindUpstreamTimeout
	}
	return KindUpstream
}
