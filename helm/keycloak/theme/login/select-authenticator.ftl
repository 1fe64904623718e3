<#import "template.ftl" as layout>
<@layout.registrationLayout isOwn=true; section>
  <#if section = "header">
    ${msg("loginChooseAuthenticator")}
  <#elseif section = "form">
      <form class="form" method="post" action="${url.loginAction}">
        <#list auth.authenticationSelections as selection>
        <div class="form__field">
          <button class="btn" type="submit" name="authenticationExecution" value="${selection.authExecId}" aria-describedby="way-${selection?index}"><span class="btn__label">${msg("${selection.displayName}")}</span></button>
          <p class="form__hint" id="way-${selection?index}">${msg("${selection.helpText}")}</p>
        </div>
        </#list>
      </form>
  </#if>
</@layout.registrationLayout>
