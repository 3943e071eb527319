#compdef claudecheck

_claudecheck_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _CLAUDECHECK_COMPLETE=complete_zsh claudecheck)
}

compdef _claudecheck_completion claudecheck
