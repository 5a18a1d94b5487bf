package protocol

import "time"

// Kind is the kind of an error, the same for every protocol. Each protocol
// gives it a status, a type and a code of its own in a table.
type Kind uint8

// The kinds of errors that the gateway answers by itself.
const (
	// KindInternal is a fault of the gateway: 500.
	KindInternal Kind = iota
	// KindInvalid is a request that is wrong: 400. Param names the field.
	KindInvalid
	// KindUnauthenticated is a missing, unknown or expired credential: 401.
	KindUnauthenticated
	// KindForbidden is a credential that may not do this: 403.
	KindForbidden
	// KindModelNotFound is a model that does not exist for this token: 404.
	KindModelNotFound
	// KindNotFound is an unknown path or resource: 404.
	KindNotFound
	// KindMethod is a path called with the wrong method: 405.
	KindMethod
	// KindTimeout is a request whose body did not arrive in time: 408.
	KindTimeout
	// KindTooLarge is a body over the limit: 413.
	KindTooLarge
	// KindRateLimited is a limit reached, here or upstream: 429.
	KindRateLimited
	// KindNotBuilt is an operation or pair of protocols that is not there yet: 501.
	KindNotBuilt
	// KindUpstream is an upstream that failed or broke the protocol: 502.
	KindUpstream
	// KindOverloaded is a gateway or upstream without room for the call: 503
	// (Messages: 529).
	KindOverloaded
	// KindUpstreamTimeout is an upstream that did not answer in time: 504.
	KindUpstreamTimeout
)

// Error is an error as the gateway means it. A protocol's codec writes it in
// the shape that the protocol's clients expect.
type Error struct {
	Kind Kind
	// Message is for the reader: it says what is wrong and what was expected,
	// and never holds a secret.
	Message string
	// Param names the field that is wrong, if one is.
	Param string
	// Code, if set, replaces the protocol's own code for the kind.
	Code string
	// RetryAfter is sent as a header where it is above zero.
	RetryAfter time.Duration
	// Allow is the Allow header of KindMethod.
	Allow string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }
