package aiproxy

import (
	"net/http"
	"strconv"
)

// listAudit answers with the changes, newest first.
func listAudit(c *adminCall) error {
	limit, err := c.limit()
	if err != nil {
		return err
	}
	var before int64
	if after := c.after(); after != "" {
		if before, err = strconv.ParseInt(after, 10, 64); err != nil || before < 1 {
			return refuse(http.StatusBadRequest, "after: %.64q is not the `next` of a page", after)
		}
	}
	changes, err := c.state.store.Changes(c.r.Context(), before, limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(changes) > limit {
		changes = changes[:limit]
		next = strconv.FormatInt(changes[limit-1].ID, 10)
	}
	return c.send(http.StatusOK, map[string]any{"items": changes, "next": next})
}
