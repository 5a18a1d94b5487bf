package protocol

import (
	"cmp"
	"strconv"

	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// failureWords are the types, codes and statuses by which upstreams name an
// error. What is not here is KindUpstream. KindUnauthenticated and KindForbidden are
// about the gateway's own account there, and not for the client to read.
var failureWords = map[string]Kind{
	// OpenAI: error.code, then error.type.
	"invalid_api_key":          KindUnauthenticated,
	"model_not_found":          KindUpstream,
	"insufficient_quota":       KindRateLimited,
	"rate_limit_exceeded":      KindRateLimited,
	"tokens":                   KindRateLimited,
	"requests":                 KindRateLimited,
	"too_many_requests":        KindRateLimited,
	"context_length_exceeded":  KindInvalid,
	"content_filter":           KindInvalid,
	"content_policy_violation": KindInvalid,
	"invalid_prompt":           KindInvalid,
	"string_above_max_length":  KindInvalid,
	"server_overloaded":        KindOverloaded,
	"engine_overloaded":        KindOverloaded,
	"service_unavailable":      KindOverloaded,
	"timeout":                  KindUpstreamTimeout,
	"vector_store_timeout":     KindUpstreamTimeout,

	// Anthropic, and OpenAI where the word is the same: error.type.
	"invalid_request_error": KindInvalid,
	"request_too_large":     KindTooLarge,
	"rate_limit_error":      KindRateLimited,
	"overloaded_error":      KindOverloaded,
	"authentication_error":  KindUnauthenticated,
	"billing_error":         KindForbidden,
	"permission_error":      KindForbidden,
	"timeout_error":         KindUpstreamTimeout,

	// Google: error.status.
	"INVALID_ARGUMENT":    KindInvalid,
	"FAILED_PRECONDITION": KindInvalid,
	"OUT_OF_RANGE":        KindInvalid,
	"RESOURCE_EXHAUSTED":  KindRateLimited,
	"UNAVAILABLE":         KindOverloaded,
	"UNAUTHENTICATED":     KindUnauthenticated,
	"PERMISSION_DENIED":   KindForbidden,
	"DEADLINE_EXCEEDED":   KindUpstreamTimeout,
}

var failureNames = splice.NewNames("message", "type", "code", "param", "status")

const (
	failureMessage = iota
	failureType
	failureCode
	failureParam
	failureStatus
)

// noMessage is said of an error whose message is missing or no valid string.
const noMessage = "upstream sent an error without a message"

// ReadFailure reads the error that the i-th member of o is: an object as
// OpenAI, Anthropic or Google write it, or just its message.
func ReadFailure(o splice.Object, i int) *Error {
	value := o.Value(i)
	if len(value) > 0 && value[0] == '"' {
		return &Error{Kind: KindUpstream, Message: cmp.Or(text(value), noMessage)}
	}
	sub, err := o.Sub(i, failureNames, 0)
	if err != nil {
		return &Error{Kind: KindUpstream, Message: "upstream sent an error that cannot be read"}
	}
	return failure(sub)
}

// ParseFailure reads the error that data is.
func ParseFailure(data []byte) *Error {
	o, err := splice.Scan(data, failureNames, 0)
	if err != nil {
		return &Error{Kind: KindUpstream, Message: "upstream sent an error that cannot be read"}
	}
	return failure(o)
}

func failure(o splice.Object) *Error {
	e := &Error{
		Kind:    KindUpstream,
		Message: text(o.Value(failureMessage)),
		Param:   text(o.Value(failureParam)),
	}
	e.Message = cmp.Or(e.Message, noMessage)
	code := o.Value(failureCode)
	if n, err := strconv.Atoi(string(code)); err == nil {
		e.Kind = FailureKind(n)
	} else {
		e.Code = text(code)
	}
	for _, word := range [...]string{e.Code, text(o.Value(failureType)), text(o.Value(failureStatus))} {
		if kind, ok := failureWords[word]; ok {
			e.Kind = kind
			break
		}
	}
	return e
}

// text decodes a string; what is none is empty.
func text(value []byte) string {
	s, err := splice.Text(value)
	if err != nil {
		return ""
	}
	return s
}
