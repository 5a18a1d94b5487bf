package echo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/caddy-aiproxy/aiproxy/adaptors/adaptortest"
	"github.com/caddyserver/caddy/v2"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	tests := []struct {
		input string
		want  Adaptor
		err   string
	}{
		{input: "echo"},
		{input: "echo {\n}"},
		{
			input: "echo {\n\tdelay 50ms\n\tchunks 8\n\tfail status 429 2s\n}",
			want: Adaptor{
				Delay: caddy.Duration(50 * time.Millisecond), Chunks: 8,
				Fail: &Fail{Mode: failStatus, Status: 429, RetryAfter: caddy.Duration(2 * time.Second)},
			},
		},
		{input: "echo {\n\tfail status 500\n}", want: Adaptor{Fail: &Fail{Mode: failStatus, Status: 500}}},
		{input: "echo {\n\tfail before\n}", want: Adaptor{Fail: &Fail{Mode: failBefore}}},
		{input: "echo {\n\tfail stream\n}", want: Adaptor{Fail: &Fail{Mode: failStream}}},
		{input: "echo {\n\tfail stall\n}", want: Adaptor{Fail: &Fail{Mode: failStall}}},
		{input: "echo {\n\tfail event\n}", want: Adaptor{Fail: &Fail{Mode: failEvent}}},
		{input: "echo {\n\tfail event before\n}", want: Adaptor{Fail: &Fail{Mode: failEvent}}},
		{input: "echo {\n\tfail event after\n}", want: Adaptor{Fail: &Fail{Mode: failEvent, AfterContent: true}}},

		{input: "echo loud", err: `adaptor echo takes no arguments; got "loud"`},
		{input: "echo {\n\tvolume 3\n}", err: `unknown option "volume" of adaptor echo; it has chunks, delay, fail`},
		{input: "echo {\n\tdelay 1s\n\tdelay 2s\n}", err: `option "delay" of adaptor echo is given twice`},
		{input: "echo {\n\tdelay\n}", err: `delay: expected a value`},
		{input: "echo {\n\tdelay 1s 2s\n}", err: `delay: unexpected argument "2s"`},
		{input: "echo {\n\tdelay 1s }\n}", err: `delay: a "}" has to stand on a line of its own`},
		{input: "echo {\n\tdelay soon\n}", err: `delay: "soon" is not a duration`},
		{input: "echo {\n\tdelay -1s\n}", err: `delay: "-1s" is not a duration`},
		{input: "echo {\n\tchunks many\n}", err: `chunks: "many" is not a number from 0 to 1000`},
		{input: "echo {\n\tchunks 1001\n}", err: `chunks: "1001" is not a number`},
		{input: "echo {\n\tfail\n}", err: `fail: expected 1 to 3 arguments, got 0`},
		{input: "echo {\n\tfail loudly\n}", err: `fail: unknown mode "loudly"; known are before, status, event, stream, stall`},
		{input: "echo {\n\tfail before 1\n}", err: `fail: unexpected argument "1"`},
		{input: "echo {\n\tfail status\n}", err: `fail: status: expected a status from 400 to 599`},
		{input: "echo {\n\tfail status ok\n}", err: `fail: status "ok" is not a number`},
		{input: "echo {\n\tfail status 200\n}", err: `fail: status 200 is not between 400 and 599`},
		{input: "echo {\n\tfail status 429 soon\n}", err: `fail: retry_after: "soon" is not a duration`},
		{input: "echo {\n\tfail status 429 1s 2s\n}", err: `fail: unexpected argument "2s"`},
		{input: "echo {\n\tfail event never\n}", err: `fail: event: expected before or after, got "never"`},
		{input: "echo {\n\tfail event after all\n}", err: `fail: unexpected argument "all"`},
	}
	for _, tt := range tests {
		t.Run(tt.input, func(t *testing.T) {
			got, err := adaptortest.Unmarshal("echo", tt.input)
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want %s", err, tt.err)
			case tt.err == "":
				if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreUnexported(Adaptor{})); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
		})
	}
}
