package adaptors

import (
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOutgoingHeader(t *testing.T) {
	client := http.Header{
		// Pass.
		"Accept":                      {"application/json"},
		"Anthropic-Beta":              {"a", "b"},
		"Anthropic-Version":           {"2023-06-01"},
		"Idempotency-Key":             {"k"},
		"Openai-Beta":                 {"responses=v1"},
		"User-Agent":                  {"sdk"},
		"X-Client-Request-Id":         {"1"},
		"X-Goog-Api-Client":           {"genai"},
		"X-Stainless-Lang":            {"js"},
		"X-Stainless-Package-Version": {"7"},
		// Stay.
		"Accept-Encoding": {"gzip"},
		"Anthropic-Dangerous-Direct-Browser-Access": {"true"},
		"Api-Key":             {"secret"},
		"Authorization":       {"Bearer secret"},
		"Connection":          {"keep-alive"},
		"Content-Encoding":    {"gzip"},
		"Content-Length":      {"1"},
		"Content-Type":        {"application/json"},
		"Cookie":              {"secret"},
		"Expect":              {"100-continue"},
		"Forwarded":           {"for=10.0.0.1"},
		"Openai-Organization": {"org"},
		"Openai-Project":      {"proj"},
		"Origin":              {"https://a"},
		"Proxy-Authorization": {"secret"},
		"Referer":             {"https://a"},
		"Traceparent":         {"00"},
		"X-Api-Key":           {"secret"},
		"X-Forwarded-For":     {"10.0.0.1"},
		"X-Goog-Api-Key":      {"secret"},
		"X-Goog-User-Project": {"proj"},
		"X-Real-Ip":           {"10.0.0.1"},
		"X-Stainless":         {"no prefix"},
	}
	want := http.Header{
		"Accept":                      {"application/json"},
		"Anthropic-Beta":              {"a", "b"},
		"Anthropic-Version":           {"2023-06-01"},
		"Idempotency-Key":             {"k"},
		"Openai-Beta":                 {"responses=v1"},
		"User-Agent":                  {"sdk"},
		"X-Client-Request-Id":         {"1"},
		"X-Goog-Api-Client":           {"genai"},
		"X-Stainless-Lang":            {"js"},
		"X-Stainless-Package-Version": {"7"},
	}
	before := client.Clone()
	got := OutgoingHeader(client)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got.Set("Authorization", "Bearer of the channel")
	if diff := cmp.Diff(before, client); diff != "" {
		t.Errorf("the client's header was changed: %s", diff)
	}
	if got := OutgoingHeader(nil); got == nil || len(got) != 0 {
		t.Errorf("of nil: %v", got)
	}
}

func TestAnswerHeader(t *testing.T) {
	pass := http.Header{
		"Cache-Control":                 {"no-cache"},
		"Content-Type":                  {"application/json"},
		"Openai-Model":                  {"gpt-5"},
		"Openai-Processing-Ms":          {"12"},
		"Openai-Version":                {"2020-10-01"},
		"Warning":                       {"199 - a", "199 - b"},
		"X-Content-Type-Options":        {"nosniff"},
		"X-Envoy-Upstream-Service-Time": {"3"},
	}
	stay := []string{
		"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Aiproxy-Channel", "Alt-Svc",
		"Anthropic-Fast-Input-Tokens-Limit", "Anthropic-Organization-Id", "Anthropic-Priority-Input-Tokens-Limit",
		"Anthropic-Ratelimit-Requests-Remaining", "Cf-Cache-Status", "Cf-Ray", "Clear-Site-Data", "Content-Digest",
		"Content-Encoding", "Content-Length", "Content-Md5", "Date", "Digest", "Etag", "Expect-Ct", "Keep-Alive",
		"Location", "Msh-Org-Id", "Msh-Uid", "Nel", "Openai-Organization", "Openai-Project", "Proxy-Authenticate",
		"Proxy-Connection", "Ratelimit", "Ratelimit-Policy", "Refresh", "Report-To", "Reporting-Endpoints",
		"Repr-Digest", "Request-Id", "Retry-After", "Retry-After-Ms", "Server", "Set-Cookie", "Set-Cookie2",
		"Strict-Transport-Security", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Vary", "Via",
		"Www-Authenticate", "X-Accel-Redirect", "X-Litellm-Key-Spend", "X-Powered-By", "X-Ratelimit-Limit-Requests",
		"X-Ratelimitbysize-Remaining-Month", "X-Request-Id", "X-Sendfile", "X-Should-Retry",
	}
	upstream := pass.Clone()
	for _, name := range stay {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			t.Fatalf("%s is written %s", name, canonical)
		}
		upstream[name] = []string{"x"}
	}
	upstream["Connection"] = []string{"close, X-Hop", "x-other-hop"}
	upstream["X-Hop"] = []string{"1"}
	upstream["X-Other-Hop"] = []string{"2"}

	dst := http.Header{"X-Request-Id": {"ours"}, "Vary": {"Origin"}, "Content-Type": {"replaced"}}
	AnswerHeader(upstream, dst)
	want := pass.Clone()
	want["X-Request-Id"], want["Vary"] = []string{"ours"}, []string{"Origin"}
	if diff := cmp.Diff(want, dst); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A transport that is a module might hand over names as they were written.
func TestAnswerHeaderOtherSpellings(t *testing.T) {
	dst := http.Header{}
	AnswerHeader(http.Header{"set-cookie": {"a=1"}, "X-RATELIMIT-LIMIT": {"1"}, "x-ok": {"1"}}, dst)
	if diff := cmp.Diff(http.Header{"X-Ok": {"1"}}, dst); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The tables are looked up by canonical names, so that is how they are written.
func TestTablesAreCanonical(t *testing.T) {
	names := []string{outgoingPrefix}
	for letter, prefixes := range deniedPrefixes {
		for _, prefix := range prefixes {
			if prefix[0] != byte(letter) {
				t.Errorf("%s is under %c", prefix, letter)
			}
			names = append(names, prefix)
		}
	}
	for name := range outgoing {
		names = append(names, name)
		if denied[name] {
			t.Errorf("%s goes out and does not come back", name)
		}
	}
	for name := range denied {
		names = append(names, name)
		if hasDeniedPrefix(name) {
			t.Errorf("%s is denied twice", name)
		}
	}
	names = append(names, requestIDs...)
	for _, name := range names {
		if textproto.CanonicalMIMEHeaderKey(name) != name {
			t.Errorf("%s is not canonical", name)
		}
	}
}

func TestUpstreamRequestID(t *testing.T) {
	long := strings.Repeat("x", 200)
	tests := []struct {
		header http.Header
		want   string
	}{
		{http.Header{}, ""},
		{http.Header{"X-Request-Id": {"req_1"}, "Cf-Ray": {"ray"}}, "req_1"},
		{http.Header{"X-Request-Id": {""}, "Request-Id": {"req_2"}}, "req_2"},
		{http.Header{"Cf-Ray": {"ray"}}, "ray"},
		{http.Header{"X-Request-Id": {long}}, long[:128]},
	}
	for _, tt := range tests {
		if got := UpstreamRequestID(tt.header); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.header, got, tt.want)
		}
	}
}

var answer = http.Header{
	"Access-Control-Expose-Headers": {"X-Request-ID"}, "Alt-Svc": {"h3"}, "Cf-Cache-Status": {"DYNAMIC"},
	"Cf-Ray": {"9"}, "Connection": {"keep-alive"}, "Content-Type": {"application/json"}, "Date": {"now"},
	"Openai-Organization": {"org"}, "Openai-Processing-Ms": {"12"}, "Openai-Version": {"2020-10-01"},
	"Server": {"cloudflare"}, "Set-Cookie": {"a", "b"}, "Strict-Transport-Security": {"x"},
	"X-Content-Type-Options": {"nosniff"}, "X-Ratelimit-Limit-Requests": {"1"}, "X-Ratelimit-Limit-Tokens": {"1"},
	"X-Ratelimit-Remaining-Requests": {"1"}, "X-Request-Id": {"req_1"},
}

func BenchmarkAnswerHeader(b *testing.B) {
	dst := make(http.Header, 16)
	b.ReportAllocs()
	for b.Loop() {
		AnswerHeader(answer, dst)
	}
}

func BenchmarkOutgoingHeader(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		OutgoingHeader(answer)
	}
}

func TestAnswerHeaderAllocatesNothing(t *testing.T) {
	dst := make(http.Header, 16)
	AnswerHeader(answer, dst)
	if n := testing.AllocsPerRun(100, func() { AnswerHeader(answer, dst) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
