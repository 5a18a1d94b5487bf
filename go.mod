module github.com/caddy-aiproxy/aiproxy

go 1.26.0
