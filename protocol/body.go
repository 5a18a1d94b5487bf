package protocol

import (
	"strconv"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// ErrorBody returns the body of an error answer in the shape that clients of
// the protocol read (OpenAI's for None): one line of JSON, whatever the error's
// strings hold. requestID is written where the protocol has a place for it.
func ErrorBody(p Protocol, e *Error, requestID string) []byte {
	row := e.Kind.In(p)
	switch p {
	case Messages:
		return anthropicBody(e, row, requestID)
	case Gemini:
		return googleBody(e, row)
	}
	return openAIBody(e, row)
}

func openAIBody(e *Error, row Row) []byte {
	code := row.Code
	if e.Code != "" {
		code = e.Code
	}
	b := make([]byte, 0, 128+len(e.Message))
	b = append(b, `{"error":{"message":`...)
	b = AppendText(b, e.Message)
	b = append(b, `,"type":`...)
	b = AppendText(b, row.Type)
	b = append(b, `,"param":`...)
	b = AppendTextOrNull(b, e.Param)
	b = append(b, `,"code":`...)
	b = AppendTextOrNull(b, code)
	return append(b, `}}`...)
}

func anthropicBody(e *Error, row Row, requestID string) []byte {
	b := make([]byte, 0, 128+len(e.Message))
	b = append(b, `{"type":"error","error":{"type":`...)
	b = AppendText(b, row.Type)
	b = append(b, `,"message":`...)
	b = AppendText(b, e.Message)
	b = append(b, `},"request_id":`...)
	b = AppendTextOrNull(b, requestID)
	return append(b, '}')
}

// googleBody puts what Google has no plain member for into details, in the
// types of google.rpc that its clients read (RetryInfo: Gemini CLI).
func googleBody(e *Error, row Row) []byte {
	b := make([]byte, 0, 128+len(e.Message))
	b = append(b, `{"error":{"code":`...)
	b = strconv.AppendInt(b, int64(row.Status), 10)
	b = append(b, `,"message":`...)
	b = AppendText(b, e.Message)
	b = append(b, `,"status":`...)
	b = AppendText(b, row.Type)
	open := `,"details":[`
	detail := func(name string) {
		b = append(b, open...)
		open = ","
		b = append(b, `{"@type":"type.googleapis.com/google.rpc.`...)
		b = append(b, name...)
	}
	if e.Param != "" {
		detail(`BadRequest","fieldViolations":[{"field":`)
		b = AppendText(b, e.Param)
		b = append(b, `,"description":`...)
		b = AppendText(b, e.Message)
		b = append(b, `}]}`...)
	}
	if e.Code != "" {
		detail(`ErrorInfo","reason":`)
		b = AppendText(b, strings.ToUpper(e.Code))
		b = append(b, `}`...)
	}
	if e.RetryAfter > 0 {
		detail(`RetryInfo","retryDelay":"`)
		seconds := (e.RetryAfter + time.Second - 1) / time.Second
		b = strconv.AppendInt(b, int64(seconds), 10)
		b = append(b, `s"}`...)
	}
	if open == "," {
		b = append(b, ']')
	}
	return append(b, `}}`...)
}

// AppendTextOrNull appends s as a JSON string, or null where it is empty.
func AppendTextOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return AppendText(b, s)
}

// AppendText appends s as a JSON string. A message may quote what a client or
// an upstream sent: what is no UTF-8 in it must not break the JSON.
func AppendText(b []byte, s string) []byte {
	return append(b, splice.Quote(strings.ToValidUTF8(s, "\ufffd"))...)
}
