.PHONY: mutants

mutants: ## plant faults and see what verify finds, where, under which name: DRAWN=300 SEED=0 for a part, PART=1/4 for a quarter of all, or CASE='digits/fc1-*' (a whole name keeps the files); TABLE=FILE JSON=FILE, LIST=1
	VENV=$(VENV) DRAWN=$(DRAWN) PART=$(PART) SEED=$(SEED) CASE='$(CASE)' TABLE=$(TABLE) JSON=$(JSON) LIST=$(LIST) ./dev/interop.sh mutants
