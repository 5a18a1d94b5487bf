package echo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// Fail is the way in which each call fails.
type Fail struct {
	// How calls fail:
	//
	// - `before`: as if the connection had been refused; the upstream has seen
	//   nothing of the call.
	// - `status`: with an error answer of this status.
	// - `event`: with an error event inside the stream, before content or
	//   after half of it. Answers that are not streamed have the status 503,
	//   of the Messages API 529.
	// - `stream`: the body breaks off after half of the chunks, or of the
	//   bytes where it is not streamed.
	// - `stall`: the stream falls silent after half of the chunks, until the
	//   client leaves; answers that are not streamed never come.
	Mode string `json:"mode"`

	// The status of the mode `status`: 400 to 599. It has to be set there.
	Status int `json:"status,omitempty"`

	// What the mode `status` says in Retry-After, rounded up to a second.
	// Default: no such header.
	RetryAfter caddy.Duration `json:"retry_after,omitempty"`

	// Whether the mode `event` fails after half of the content, and not before
	// any of it. Default: false.
	AfterContent bool `json:"after_content,omitempty"`
}

// The modes of failure.
const (
	failBefore = "before"
	failStatus = "status"
	failEvent  = "event"
	failStream = "stream"
	failStall  = "stall"
)

var failModes = []string{failBefore, failStatus, failEvent, failStream, failStall}

// mode returns the mode; empty where calls do not fail.
func (f *Fail) mode() string {
	if f == nil {
		return ""
	}
	return f.Mode
}

// validate checks that the mode is one and has only settings of its own.
func (f *Fail) validate() error {
	switch {
	case f == nil:
		return nil
	case !slices.Contains(failModes, f.Mode):
		return fmt.Errorf("fail: unknown mode %q; known are %s", f.Mode, strings.Join(failModes, ", "))
	case f.Mode == failStatus && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("fail: status %d is not between 400 and 599", f.Status)
	case f.Mode != failStatus && f.Status != 0:
		return fmt.Errorf("fail: mode %q takes no status", f.Mode)
	case f.RetryAfter < 0 || f.Mode != failStatus && f.RetryAfter != 0:
		return fmt.Errorf("fail: retry_after is of mode %q alone, and not below zero", failStatus)
	case f.Mode != failEvent && f.AfterContent:
		return fmt.Errorf("fail: mode %q takes no after_content", f.Mode)
	}
	return nil
}
