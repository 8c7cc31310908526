# Completion and manual pages in the programs that users have. The main Makefile includes this file; `install` is in zoo.mk.

BASH_COMPLETION := /usr/share/bash-completion/bash_completion

.PHONY: test-shells

test-shells: ## completion in bash, zsh and fish, all installed if need be
	@$(call install,zsh,zsh)
	@$(call install,fish,fish)
	@test -e $(BASH_COMPLETION) || $(call install,bash-completion,bash-completion)
	GOWORK=off $(GO) test -count=1 -tags shells -run Shells ./cmd/beitzoo
