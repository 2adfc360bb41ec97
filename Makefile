PYTHON  ?= python3
