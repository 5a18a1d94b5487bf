# Caddy with the gateway of this checkout:
#
#     docker build -f xcaddy.Dockerfile -t caddy-aiproxy .
#     docker run -p 8080:8080 -v aiproxy:/data caddy-aiproxy
#
# scripts/xcaddy.sh runs the steps of the first stage in a shell and looks at
# the Caddy that comes out.
FROM golang:1.26 AS builder
WORKDIR /src
COPY . .
RUN cd tools && go build -o ../bin/xcaddy github.com/caddyserver/xcaddy/cmd/xcaddy
# The version, which does not exist, keeps Go from asking for published ones.
RUN bin/xcaddy build v2.11.9 --with github.com/caddy-aiproxy/aiproxy@v0.0.0=. --output bin/caddy

# It has certificates and time zones, and nothing else.
FROM gcr.io/distroless/static-debian12
COPY --from=builder /src/bin/caddy /usr/bin/caddy
COPY Caddyfile.example /etc/caddy/Caddyfile
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
VOLUME /config /data
EXPOSE 80 443 443/udp 8080
ENTRYPOINT ["/usr/bin/caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile"]
