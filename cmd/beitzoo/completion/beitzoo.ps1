# Completion of beitzoo in PowerShell. It asks the program what may stand where the cursor is, and never runs or expands anything of the line.
#
# Put this into the file $PROFILE: beitzoo completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName 'beitzoo', 'beitzoo.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words without their quotes. What is no fixed text stays as it is typed.
    $words = @()
    $typed = ''
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        $start = $element.Extent.StartOffset
        if ($start -ge $cursorPosition) { break }
        $text = $element.Extent.Text
        $fixed = $element -is [System.Management.Automation.Language.StringConstantExpressionAst]
        if ($element.Extent.EndOffset -lt $cursorPosition) {
            if ($fixed) { $text = $element.Value }
            $words += $text
        }
        else {
            $text = $text.Substring(0, [Math]::Min($text.Length, $cursorPosition - $start))
            if ($fixed -and $element.StringConstantType -ne 'BareWord') { $text = $text.Trim([char]34, [char]39) }
            $typed = $text
        }
    }
    $words += $typed
    $line = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes(($words -join [string][char]0)))

    $program = Get-Command -Name beitzoo -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $program) { return }
    $head = ''
    $files = ':none'
    & $program __complete powershell $line 2>$null | ForEach-Object {
        if ($_.StartsWith(':head ')) { $head = $_.Substring(6) }
        elseif ($_.StartsWith(':')) { $files = $_ }
        else {
            $word, $about = $_ -split "`t", 2
            if (-not $about) { $about = $word }
            [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
        }
    }
    if ($files -eq ':none') { return }
    $endings = @($files -split ' ' | Select-Object -Skip 1)
    [System.Management.Automation.CompletionCompleters]::CompleteFilename($typed.Substring($head.Length)) | Where-Object {
        $isFolder = $_.ResultType -eq 'ProviderContainer'
        $name = $_.ListItemText
        $isFolder -or ($files -ne ':folders' -and ($endings.Count -eq 0 -or @($endings | Where-Object { $name.EndsWith($_) }).Count -gt 0))
    } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($head + $_.CompletionText, $_.ListItemText, $_.ResultType, $_.ToolTip)
    }
}
