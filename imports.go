package aiproxy

// The guests that every build has. Nothing else imports a guest.
import (
	_ "github.com/caddy-aiproxy/aiproxy/adaptors/anthropic"
	_ "github.com/caddy-aiproxy/aiproxy/adaptors/echo"
	_ "github.com/caddy-aiproxy/aiproxy/adaptors/gemini"
	_ "github.com/caddy-aiproxy/aiproxy/adaptors/openai"
	_ "github.com/caddy-aiproxy/aiproxy/store/sqlite"
)
